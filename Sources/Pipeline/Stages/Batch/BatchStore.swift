import OrderedCollections
package import Tensors
import Wire
package import ZeroMQ

/// The batches a batch worker holds, without I/O: clips come in by key, duplicates are dropped, whole groups are served
/// until they are forgotten.
package struct BatchStore {
  package enum Outcome: Equatable, Sendable {
    case accepted
    /// Already held: dropped, and said again, since the coordinator may not have heard.
    case duplicate
    /// For an owner or a group that is not this worker's any more.
    case stale
    /// Not a clip of the group's shape, or not the bytes its header says.
    case misshapen
  }

  /// A clip as it came: its payload goes on to the consumer unchanged.
  package struct Clip: Sendable {
    package let header: ClipHeader
    package let payload: MessagePart
  }

  package struct Batch {
    package let owner: Int
    package let clipDimensions: [Int]
    package fileprivate(set) var slots: [Clip?]
    package var isWhole: Bool { slots.allSatisfy { $0 != nil } }
  }

  private var batches: [GroupKey: Batch] = [:]
  private var forgotten: OrderedSet<GroupKey> = []
  private var committed = 0
  private static let forgottenLimit = 4096

  private let format: PixelFormat

  /// - Parameter format: of every clip.
  package init(format: PixelFormat = .rgb24) { self.format = format }

  package var count: Int { batches.count }

  /// - Parameters:
  ///   - payload: a clip as the header's tensor packs it, checked against its checksum.
  ///   - slots: clips in the group.
  package mutating func insert(_ header: ClipHeader, _ payload: MessagePart, slots: Int) -> Outcome {
    let group = header.key.group
    guard (0..<slots).contains(header.key.slot), header.tensor.size(of: format) != nil,
      header.tensor.storedByteCount == payload.byteCount
    else { return .misshapen }
    if group.kind == .training, group.step < committed { return .stale }
    if forgotten.contains(group) { return .stale }
    if let held = batches[group], header.owner < held.owner { return .stale }
    if batches[group].map({ $0.owner < header.owner }) ?? true {
      batches[group] = Batch(
        owner: header.owner, clipDimensions: header.tensor.dimensions, slots: Array(repeating: nil, count: slots))
    }
    let held = batches[group]!
    guard held.clipDimensions == header.tensor.dimensions, held.slots.count == slots else { return .misshapen }
    if let clip = held.slots[header.key.slot], clip.header.key.attempt >= header.key.attempt { return .duplicate }
    batches[group]!.slots[header.key.slot] = Clip(header: header, payload: payload)
    return .accepted
  }

  /// The group, once every slot is filled.
  package func whole(_ group: GroupKey) -> Batch? {
    batches[group].flatMap { $0.isWhole ? $0 : nil }
  }

  /// Steps before `version` are committed: their batches go.
  package mutating func commit(version: Int) {
    committed = max(committed, version)
    for group in batches.keys where group.kind == .training && group.step < committed { batches[group] = nil }
  }

  package mutating func forget(_ group: GroupKey) {
    batches[group] = nil
    forgotten.append(group)
    if forgotten.count > Self.forgottenLimit { forgotten.removeFirst() }
  }

  /// A new incarnation leases everything again.
  package mutating func reset() { self = BatchStore(format: format) }
}
