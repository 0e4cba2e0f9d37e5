import Corpus
import Foundation
import Pipeline
import Testing
import Topology
import Wire

/// What is looked up ahead is what the plan says, in whatever order it is asked for.
@Suite struct ItemsAheadTests {
  private final class Directory: Sendable {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("ahead-\(UUID().uuidString)").path
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private let directory = Directory()
  private let source: ItemSource
  private let settings = RunMachine.Settings(
    replicas: 3, batch: 4, inFlightRounds: 2, shards: 1, finalVersion: 6)

  init() throws {
    try GeneratedIndex.write(to: directory.path, videos: 200, labels: 5)
    let corpus = try Corpus(directory: directory.path)
    source = try ItemSource(topology: Self.topology(), corpus: corpus)
  }

  private static func topology(_ overrides: [String] = []) throws -> Topology {
    try Topology.parse(
      """
      name: ahead
      seed: 3
      corpus: nowhere
      hosts: {here: {address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 1, average: 1}}
      clip: {frames: 8, stride: 1, resize: [128, 171], crop: 112}
      train: {network: r2plus1d-10, width: 0.1, replicas: 3, batch: 4, steps: 6, learning_rate: 0.1}
      """, file: "ahead", overrides: overrides)
  }

  /// Repeated labels make the epoch longer, whose length the run's is counted in.
  @Test func epochsOfRepeatFactorsGrow() throws {
    let corpus = source.corpus
    let counts = corpus.counts(split: .train)
    let quotas = Quotas.repeatFactor(counts, threshold: 0.4)
    let overrides = ["sampling.labels=repeat-factor", "sampling.threshold=0.4", "clip.echo=2"]
    let plan = try ItemSource(topology: Self.topology(overrides), corpus: corpus).plan
    #expect(plan.epochLength == 2 * quotas.reduce(0, +) && plan.epochLength > 2 * counts.reduce(0, +))
    // Two slots of each window, so every draw of an epoch is there twice.
    var drawn = counts.map { _ in 0 }
    for number in 0..<plan.epochLength {
      let group = GroupKey(kind: .training, step: number / 12, index: number / 4 % 3)
      drawn[plan.draw(ItemKey(group: group, slot: number % 4)).label] += 1
    }
    #expect(drawn == quotas.map { 2 * $0 })
    #expect(source.plan.epochLength == 200)
  }

  private func expectPlanned(_ items: EncodedItems, _ group: GroupKey) throws {
    for slot in 0..<settings.batch {
      let key = ItemKey(group: group, slot: slot)
      #expect(try WorkItem(body: Array(items[slot])) == source.training([key])[0])
    }
  }

  private func groups(_ steps: Range<Int>) -> [GroupKey] {
    steps.flatMap { step in (0..<3).map { GroupKey(kind: .training, step: step, index: $0) } }
  }

  @Test func itemsAreThePlans() throws {
    let ahead = ItemsAhead(source, settings: settings)
    defer { ahead.stop() }
    for version in 0..<6 {
      ahead.commit(version)
      // Beyond what is looked up by itself, too.
      for group in groups(version..<min(version + 4, 6)).shuffled() {
        try expectPlanned(ahead.items(of: group), group)
      }
    }
    // A roll-back.
    ahead.commit(1)
    for group in groups(1..<4) { try expectPlanned(ahead.items(of: group), group) }
  }

  @Test func twoThreadsGetTheSame() async throws {
    let ahead = ItemsAhead(source, settings: settings)
    defer { ahead.stop() }
    ahead.commit(0)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for _ in 0..<2 {
        tasks.addTask { for group in self.groups(0..<3) { try self.expectPlanned(ahead.items(of: group), group) } }
      }
      try await tasks.waitForAll()
    }
  }

  @Test func leasesAreAsTheirMessageEncodesThem() throws {
    let group = GroupKey(kind: .training, step: 2, index: 1)
    let items = try source.encoded(group, batch: 4)
    var writer = LeaseWriter()
    var entries: [LeaseMessage.Entry] = []
    for slot in 0..<4 {
      writer.append(items[slot], augment: "a\(slot)", batch: "b", owner: 7 + slot)
      let item = try source.training([ItemKey(group: group, slot: slot)])[0]
      entries.append(LeaseMessage.Entry(item: item, augment: "a\(slot)", batch: "b", owner: 7 + slot))
    }
    #expect(writer.body == LeaseMessage(entries: entries).encodedBody)
  }
}
