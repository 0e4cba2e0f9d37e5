import Pipeline
import Tensors
import Testing
import Wire
import ZeroMQ

@Suite struct BatchStoreTests {
  private let group = GroupKey(kind: .training, step: 3, index: 1)

  private func key(_ slot: Int, attempt: Int = 0, group: GroupKey? = nil) -> ItemKey {
    ItemKey(group: group ?? self.group, slot: slot, attempt: attempt)
  }

  @discardableResult
  private func insert(
    _ key: ItemKey, owner: Int = 1, slots: Int = 3, bytes: Int = 12, into store: inout BatchStore
  ) -> BatchStore.Outcome {
    store.insert(
      TestMessages.clipHeader(key, owner: owner, bytes: bytes), TestMessages.clip(key, bytes: bytes), slots: slots)
  }

  private func contents(_ batch: BatchStore.Batch) -> [UInt8] {
    batch.slots.flatMap { $0?.payload.array ?? [] }
  }

  private func expected(_ keys: [ItemKey]) -> [UInt8] {
    keys.flatMap { key in (0..<12).map { UInt8(truncatingIfNeeded: key.stableHash >> UInt64(8 * ($0 % 8))) } }
  }

  @Test func wholeOnlyWhenEverySlotIsIn() throws {
    var store = BatchStore()
    #expect(store.whole(group) == nil)
    for slot in [2, 0] {
      #expect(insert(key(slot), into: &store) == .accepted)
      #expect(store.whole(group) == nil)
    }
    #expect(insert(key(1), into: &store) == .accepted)
    let batch = try #require(store.whole(group))
    #expect(batch.slots.map { $0?.header.key } == [key(0), key(1), key(2)])
    #expect(batch.slots.map { $0?.header.tensor.checksum } == [key(0), key(1), key(2)].map(\.stableHash))
    #expect(batch.clipDimensions == [1, 1, 4, 3])
    #expect(contents(batch) == expected([key(0), key(1), key(2)]))
    #expect(store.count == 1)
  }

  @Test func duplicatesChangeNothing() throws {
    var store = BatchStore()
    for slot in 0..<3 { insert(key(slot, attempt: 1), into: &store) }
    let before = try #require(store.whole(group))
    #expect(insert(key(1, attempt: 1), into: &store) == .duplicate)
    #expect(insert(key(1, attempt: 0), into: &store) == .duplicate, "an earlier attempt has a verdict already")
    let after = try #require(store.whole(group))
    #expect(after.slots.map { $0?.header.key.attempt } == [1, 1, 1])
    #expect(contents(after) == contents(before))
  }

  @Test func aLaterAttemptReplacesAnEarlierOne() throws {
    var store = BatchStore()
    insert(key(0), into: &store)
    #expect(insert(key(0, attempt: 2), into: &store) == .accepted)
    insert(key(1), into: &store)
    insert(key(2), into: &store)
    let batch = try #require(store.whole(group))
    #expect(batch.slots.map { $0?.header.key.attempt } == [2, 0, 0])
    #expect(contents(batch) == expected([key(0, attempt: 2), key(1), key(2)]))
  }

  @Test func aBatchBeingServedStaysAsItWas() throws {
    var store = BatchStore()
    for slot in 0..<3 { insert(key(slot), into: &store) }
    let served = try #require(store.whole(group))
    #expect(insert(key(1, attempt: 1), into: &store) == .accepted)
    #expect(contents(served) == expected([key(0), key(1), key(2)]))
    let next = try #require(store.whole(group))
    #expect(contents(next) == expected([key(0), key(1, attempt: 1), key(2)]))
    #expect(next.slots[1]?.header.key.attempt == 1)
  }

  @Test func anOldOwnersClipsAreStale() throws {
    var store = BatchStore()
    insert(key(0), owner: 4, into: &store)
    #expect(insert(key(1), owner: 3, into: &store) == .stale)
    #expect(insert(key(1), owner: 4, into: &store) == .accepted)
    #expect(insert(key(2), owner: 5, into: &store) == .accepted)
    #expect(store.whole(group) == nil, "a new owner starts afresh")
    insert(key(0), owner: 5, into: &store)
    insert(key(1), owner: 5, into: &store)
    #expect(try #require(store.whole(group)).owner == 5)
  }

  @Test func misshapenClipsAreRefused() {
    var store = BatchStore()
    #expect(insert(key(3), into: &store) == .misshapen)
    #expect(insert(key(-1), into: &store) == .misshapen)
    #expect(insert(key(0), slots: 0, into: &store) == .misshapen)
    #expect(store.count == 0)
    insert(key(0), into: &store)
    #expect(insert(key(1), bytes: 24, into: &store) == .misshapen)
    #expect(insert(key(1), slots: 4, into: &store) == .misshapen)
    #expect(insert(key(1), into: &store) == .accepted)
  }

  @Test func aHeaderThatDoesNotMatchItsBytesIsRefused() {
    var store = BatchStore()
    let header = TestMessages.clipHeader(key(0), owner: 1, bytes: 24)
    #expect(store.insert(header, TestMessages.clip(key(0), bytes: 12), slots: 3) == .misshapen)
    insert(key(0), into: &store)
    let lying = TestMessages.clipHeader(key(1), owner: 1, bytes: 12)
    #expect(store.insert(lying, TestMessages.clip(key(1), bytes: 6), slots: 3) == .misshapen)
  }

  @Test func clipsAreOfTheRunsFormat() throws {
    let clip = TestMessages.clip(key(0), bytes: 12)
    func header(_ layout: TensorLayout, _ dimensions: [Int]) -> ClipHeader {
      var header = TestMessages.clipHeader(key(0), owner: 1, bytes: 12)
      (header.tensor.layout, header.tensor.dimensions) = (layout, dimensions)
      return header
    }
    let (pixels, planes) = (header(.thwc, [1, 2, 2, 3]), header(.planarYUV420, [2, 3, 2]))
    for format in PixelFormat.allCases {
      var store = BatchStore(format: format)
      #expect(store.insert(format == .rgb24 ? planes : pixels, clip, slots: 1) == .misshapen)
      #expect(store.insert(format == .rgb24 ? pixels : planes, clip, slots: 1) == .accepted)
      store.reset()
      // No frames have this shape.
      #expect(store.insert(header(format.layout, [3, 2, 2]), clip, slots: 1) == .misshapen)
    }
  }

  @Test func committedStepsGo() {
    var store = BatchStore()
    let next = GroupKey(kind: .training, step: 4, index: 1)
    let test = GroupKey(kind: .evaluation, step: 3, index: 1)
    for group in [group, next, test] { insert(key(0, group: group), into: &store) }
    store.commit(version: 4)
    #expect(store.count == 2)
    #expect(insert(key(0), into: &store) == .stale)
    #expect(insert(key(1, group: next), into: &store) == .accepted)
    #expect(insert(key(1, group: test), into: &store) == .accepted)
    store.commit(version: 2)
    #expect(insert(key(0), into: &store) == .stale, "commits do not go back")
    store.reset()
    #expect(insert(key(0), into: &store) == .accepted, "a roll-back starts afresh")
  }

  @Test func forgottenGroupsStayForgotten() {
    var store = BatchStore()
    let test = GroupKey(kind: .evaluation, step: 3, index: 1)
    insert(key(0, group: test), into: &store)
    store.forget(test)
    #expect(store.count == 0)
    #expect(insert(key(1, group: test), into: &store) == .stale)
    // What is remembered of them is bounded.
    for index in 10..<5000 { store.forget(GroupKey(kind: .evaluation, step: 3, index: index)) }
    #expect(insert(key(1, group: test), into: &store) == .accepted)
  }
}
