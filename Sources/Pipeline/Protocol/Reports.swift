import Wire

/// How many clips were consumed, and a hash of which ones, in slot order.
package struct ConsumedDigest: Sendable, Equatable {
  package var count: Int
  package var digest: UInt64

  package init(count: Int, digest: UInt64) {
    self.count = count
    self.digest = digest
  }

  /// - Parameter keys: in slot order.
  package init(consuming keys: [ItemKey]) {
    var writer = ByteWriter()
    for key in keys { key.encode(to: &writer) }
    count = keys.count
    digest = XXH3.hash(writer.bytes)
  }

  /// What the plan says about a group.
  package static func of(group: GroupKey, attempts: [Int]) -> ConsumedDigest {
    ConsumedDigest(
      consuming: attempts.enumerated().map { ItemKey(group: group, slot: $0.offset, attempt: $0.element) })
  }
}

/// A train worker's word on one replica's round.
package struct TrainedReport: Sendable, Equatable {
  package var group: GroupKey
  package var consumed: ConsumedDigest
  /// Mean over the replica's batch.
  package var loss: Double
  package var correct: Int
  package var seconds: Double

  package init(group: GroupKey, consumed: ConsumedDigest, loss: Double, correct: Int, seconds: Double) {
    self.group = group
    self.consumed = consumed
    self.loss = loss
    self.correct = correct
    self.seconds = seconds
  }
}

/// An evaluation under way.
package struct EvaluationJob: Sendable, Equatable {
  package let version: Int
  package let videos: Int
  package var opened = 0
  package var scores: [Int: [Float]] = [:]
  package var excluded: Set<Int> = []

  init(version: Int, videos: Int) {
    self.version = version
    self.videos = videos
  }
}

/// A finished evaluation: class scores by place of the video in its split.
package struct EvaluationResult: Sendable, Equatable {
  package var version: Int
  package var scores: [Int: [Float]]
  package var excluded: [Int]
}
