package import Wire

/// What a group of clips is for.
package enum ItemKind: UInt8, Sendable, Codable {
  case training = 0
  case evaluation = 1
}

/// The clips that are collated together: the batch of one replica in one step, or the test clips of one video.
///
/// For evaluation `step` is the parameter version evaluated and `index` the place of the video in the split.
package struct GroupKey: Hashable, Comparable, Sendable, Codable {
  package var kind: ItemKind
  package var step: Int
  package var index: Int

  package init(kind: ItemKind, step: Int, index: Int) {
    self.kind = kind
    self.step = step
    self.index = index
  }

  package static func < (left: GroupKey, right: GroupKey) -> Bool {
    (left.kind.rawValue, left.step, left.index) < (right.kind.rawValue, right.step, right.index)
  }
}

/// One clip of the plan: its group, its slot there, and how many draws for that slot failed before.
package struct ItemKey: Hashable, Comparable, Sendable, Codable {
  package var group: GroupKey
  package var slot: Int
  package var attempt: Int

  package init(group: GroupKey, slot: Int, attempt: Int = 0) {
    self.group = group
    self.slot = slot
    self.attempt = attempt
  }

  package static func < (left: ItemKey, right: ItemKey) -> Bool {
    left.group == right.group ? (left.slot, left.attempt) < (right.slot, right.attempt) : left.group < right.group
  }

  /// A hash that is the same in every process: seeds the clip's checksum, so that a clip in another's place is seen,
  /// and selects the items a tap shows.
  package var stableHash: UInt64 {
    var writer = ByteWriter()
    encode(to: &writer)
    return XXH3.hash(writer.bytes)
  }
}

extension ItemKey: CustomStringConvertible {
  package var description: String {
    let name = group.kind == .training ? "step \(group.step) replica \(group.index)" : "video \(group.index)"
    return "\(name) slot \(slot) attempt \(attempt)"
  }
}

extension GroupKey: WireCodable {
  package func encode(to writer: inout ByteWriter) {
    writer.write(kind.rawValue)
    writer.write(step)
    writer.write(index)
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    guard let kind = ItemKind(rawValue: try UInt8(from: &reader)) else {
      throw WireError(.value, "unknown kind of item")
    }
    self.init(kind: kind, step: try Int(from: &reader), index: try Int(from: &reader))
  }
}

extension ItemKey: WireCodable {
  package func encode(to writer: inout ByteWriter) {
    group.encode(to: &writer)
    writer.write(slot)
    writer.write(attempt)
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(
      group: try GroupKey(from: &reader), slot: try Int(from: &reader), attempt: try Int(from: &reader))
  }
}
