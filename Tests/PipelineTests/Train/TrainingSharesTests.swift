import Pipeline
import Tensors
import Testing

/// What a train worker does with the shares it is given.
@Suite struct TrainingSharesTests {
  private var shares = TrainingShares(tree: ReplicaTree(replicas: 8))

  private func lease(_ level: Int, _ index: Int, step: Int = 0, from worker: WorkerID = "b") -> TrainLease {
    let share = ReplicaShare(step: step, node: TreeNode(level: level, index: index))
    return TrainLease(
      share: share, batches: share.groups(of: ReplicaTree(replicas: 8)).map { _ in worker })
  }

  private func group(_ replica: Int, step: Int = 0) -> GroupKey {
    GroupKey(kind: .training, step: step, index: replica)
  }

  private mutating func fetch() -> [Int] { shares.batchesToFetch().map(\.group.index) }

  private mutating func receive(_ replica: Int, step: Int = 0) {
    shares.received(
      FetchedBatch(
        group: group(replica, step: step), slots: [], clips: AlignedBuffer(byteCount: 4), dimensions: [0]))
  }

  /// Trains the next round of the step.
  private mutating func train(step: Int = 0) throws -> (replica: Int, node: TreeNode?, reports: [TrainedReport]?) {
    let begun = shares.begin(step: step)
    let round = try #require(begun)
    let node = shares.add(round, AlignedBuffer(byteCount: 4), from: 0)?.node
    let report = TrainedReport(
      group: round.batch.group, consumed: round.batch.consumed, loss: 1, correct: 0, seconds: 0)
    return (round.batch.group.index, node, shares.finish(round, report))
  }

  @Test mutating func aShareIsReportedWhenTheShardsHaveItsSum() throws {
    #expect(shares.add(lease(1, 1))?.dropped == [])
    #expect(shares.earliest == 0)
    #expect(fetch() == [2, 3])
    receive(3)
    receive(2)
    #expect(try train().node == nil)
    let last = try train()
    #expect(last.replica == 3 && last.node == TreeNode(level: 1, index: 1) && last.reports == nil)
    #expect(shares.earliest == nil)
    let taken = shares.taken(ReplicaShare(step: 0, node: TreeNode(level: 1, index: 1)))
    let reports = try #require(taken)
    #expect(reports.map(\.group.index) == [2, 3])
    // Said again, since the word may have been lost.
    #expect(shares.add(lease(1, 1))?.reports == reports)
    #expect(shares.commit(version: 1) == [])
    #expect(shares.add(lease(1, 1))?.reports == nil)
  }

  @Test mutating func fewBatchesAreFetchedAhead() throws {
    #expect(shares.add(lease(2, 1)) != nil)
    #expect(shares.add(lease(1, 0)) != nil)
    #expect(fetch() == [0, 1])
    #expect(fetch() == [])
    receive(0)
    #expect(fetch() == [])
    #expect(try train().replica == 0)
    #expect(fetch() == [4])
    // Its batch is not here.
    #expect(shares.begin(step: 0) == nil)
  }

  @Test mutating func theBatchIsAskedForWhereItIsNow() {
    #expect(shares.add(lease(0, 0)) != nil)
    #expect(fetch() == [0])
    #expect(shares.add(lease(0, 0, from: "c")) != nil)
    #expect(shares.batchesToFetch().map(\.worker) == ["c"])
  }

  @Test mutating func whatIsGivenAnewReplacesWhatItOverlapsWith() throws {
    #expect(shares.add(lease(2, 0)) != nil)
    #expect(fetch() == [0, 1])
    receive(0)
    let begun = shares.begin(step: 0)
    let old = try #require(begun)
    #expect(shares.add(lease(1, 0))?.dropped.sorted() == [group(1), group(2), group(3)])
    #expect(shares.add(old, AlignedBuffer(byteCount: 4), from: 0)?.node == nil, "its share is gone")
    #expect(fetch() == [0, 1], "all of the new one is trained")
  }

  @Test mutating func sharesWhoseBatchesAreGoneAreDropped() {
    #expect(shares.add(lease(1, 0, from: "b")) != nil)
    #expect(shares.add(lease(1, 1, from: "c")) != nil)
    #expect(fetch() == [0, 1])
    receive(0)
    receive(1)
    #expect(shares.keepBatchWorkers([]).sorted() == [group(2), group(3)], "the others' batches are here")
  }

  @Test mutating func leasesOfAnotherRunAreRefused() {
    #expect(shares.add(lease(0, 8)) == nil)
    var short = lease(1, 0)
    short.batches = ["b"]
    #expect(shares.add(short) == nil)
    short.share.node.level = 77
    #expect(shares.add(short) == nil)
  }
}
