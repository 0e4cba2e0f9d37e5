package import Wire

/// Train a share's replicas at the parameters of exactly its step, and contribute their sum.
package struct TrainLease: Sendable, WireCodable {
  package var share: ReplicaShare
  /// Of each replica, in order: who holds its batch.
  package var batches: [WorkerID]

  package init(share: ReplicaShare, batches: [WorkerID]) {
    self.share = share
    self.batches = batches
  }

  package func encode(to writer: inout ByteWriter) {
    writer.write(share.step)
    writer.write(share.node.level)
    writer.write(share.node.index)
    writer.write(batches)
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(
      share: ReplicaShare(
        step: try Int(from: &reader), node: TreeNode(level: try Int(from: &reader), index: try Int(from: &reader))),
      batches: try [String](from: &reader))
  }
}

/// A train worker's word on the replicas of a share.
package struct TrainedReports: Sendable, Equatable, WireCodable {
  package var reports: [TrainedReport]

  package init(_ reports: [TrainedReport]) { self.reports = reports }

  package func encode(to writer: inout ByteWriter) { writer.write(reports) }

  package init(from reader: inout ByteReader) throws(WireError) { self.init(try [TrainedReport](from: &reader)) }
}

extension TrainedReport: WireCodable {
  package func encode(to writer: inout ByteWriter) {
    group.encode(to: &writer)
    writer.write(consumed.count)
    writer.write(consumed.digest)
    writer.write(loss)
    writer.write(correct)
    writer.write(seconds)
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(
      group: try GroupKey(from: &reader),
      consumed: ConsumedDigest(count: try Int(from: &reader), digest: try UInt64(from: &reader)),
      loss: try Double(from: &reader), correct: try Int(from: &reader), seconds: try Double(from: &reader))
  }
}

/// Score one video's clips with the parameters of checkpoint `group.step`.
package struct EvaluateLease: ControlMessage {
  package static let kind = MessageKind.evaluate
  package var group: GroupKey
  package var batch: WorkerID
}

package struct EvaluatedReport: ControlMessage {
  package static let kind = MessageKind.evaluated
  package var group: GroupKey
  /// Averaged over the clips, one for each class.
  package var scores: [Float]
  package var seconds: Double
}

/// Everyone: the run is at `version`; what belongs to earlier steps can go. Shards write a checkpoint if asked.
package struct Commit: ControlMessage {
  package static let kind = MessageKind.commit
  package var version: Int
  package var checkpoint: Bool
}

/// A shard holds `version` now.
package struct Applied: ControlMessage {
  package static let kind = MessageKind.applied
  package var shard: Int
  package var version: Int
}

/// A shard's part of the norm of `step`'s gradient, where it is clipped.
package struct GradientSquares: ControlMessage {
  package static let kind = MessageKind.gradientSquares
  package var shard: Int
  package var step: Int
  /// Of each of its blocks, in order.
  package var squares: [Double]
}

/// Shards: what the gradient of `step` is to be multiplied by.
package struct ClipScale: ControlMessage {
  package static let kind = MessageKind.clipScale
  package var step: Int
  package var scale: Double
}

/// Shards: take your blocks from this checkpoint; nil is version 0, made from the seed or the weights file.
package struct Load: ControlMessage {
  package static let kind = MessageKind.load
  package var version: Int
  package var checkpoint: String?
}

package struct Loaded: ControlMessage {
  package static let kind = MessageKind.loaded
  package var shard: Int
  package var version: Int
  package var error: String?
}

/// A shard has written its part of a checkpoint.
package struct Checkpointed: ControlMessage {
  package static let kind = MessageKind.checkpointed
  package var shard: Int
  package var version: Int
  package var file: String
  package var sha256: String
  package var error: String?
}

/// The batch worker may forget a group.
package struct Drop: ControlMessage {
  package static let kind = MessageKind.drop
  package var group: GroupKey
}
