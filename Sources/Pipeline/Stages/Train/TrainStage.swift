import Networks
import Tensors
import Topology
import Wire
import ZeroMQ

/// Trains one replica's batch after the other, each at the parameters of exactly its step.
package actor TrainStage: StageActor {
  private nonisolated let thread: SocketThread
  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let launch: StageLaunch
  private let work: WorkThread
  private var core: StageCore!
  private var batches: BatchFetcher!
  private var shards: ShardLink!
  private var trainer: (any RoundTrainer)?
  private var shares = TrainingShares(tree: ReplicaTree(replicas: 1))
  /// The newest version that is known to be committed.
  private var committed = 0
  /// A round is under way.
  private var isTraining = false

  package init(launch: StageLaunch) {
    self.launch = launch
    thread = SocketThread(name: "train")
    work = WorkThread(name: "train-work")
  }

  package func run() async throws -> StageEnd {
    core = try StageCore(stage: .train, launch: launch, thread: thread, produces: false)
    core.fingerprint = .numerics()
    let place = launch.place
    batches = BatchFetcher(
      identity: core.identity.id, place: place, thread: thread, stamp: { self.core.stamp },
      onBatch: { self.received($0) })
    shards = ShardLink(
      identity: core.identity.id, place: place, thread: thread, stamp: { self.core.stamp },
      onParameters: { _ in self.trainNext() },
      onTaken: { node, step in self.taken(node, step: step) })
    core.onConfigure = { self.configure($0) }
    core.onMessage = { kind, envelope in self.handle(kind, envelope) }
    core.start()
    let end = await withCheckedContinuation { core.waitForEnd($0) }
    batches.close()
    shards.close()
    core.close()
    work.stop()
    return end
  }

  package func leave() { core?.leave() }

  private func configure(_ configuration: StageConfiguration) {
    batches.format = PixelFormat(configuration.topology.links.format)
    do {
      let train = configuration.topology.train
      let layout = try ParameterLayout(
        NetworkDefinition(name: train.network, classes: configuration.classes, width: train.width))
      if trainer == nil {
        trainer =
          launch.faults.trainsNothing
          ? NoTrainer(elements: layout.count)
          : try NetworkTrainer(topology: configuration.topology, classes: configuration.classes)
      }
      shards.reset(
        map: BlockMap(elements: layout.count, shards: configuration.shards), isRounded: train.transfer == .bfloat16)
    } catch {
      core.end(.refused("cannot train here: \(error)"))
    }
    shares.reset(tree: ReplicaTree(replicas: configuration.topology.train.replicas))
    committed = 0
    batches.cancelAll()
  }

  private func handle(_ kind: MessageKind, _ envelope: Envelope) {
    switch kind {
    case .peers:
      guard let peers = try? Peers(from: envelope) else { break }
      guard peers.stage == .batch else { return shards.update(peers) }
      batches.update(peers)
      cancel(shares.keepBatchWorkers(Set(peers.peers.map(\.identity.id))))
      trainNext()
    case .train:
      guard let lease = try? TrainLease(body: envelope.body), let (dropped, reports) = shares.add(lease) else {
        core.counters.malformedDropped += 1
        break
      }
      cancel(dropped)
      send(reports)
      trainNext()
    case .commit:
      guard let commit = try? Commit(from: envelope) else { break }
      committed = commit.version
      cancel(shares.commit(version: committed))
      shards.forget(before: committed)
      // Others may have done what this worker was at, while it was stopped: it waited for parameters that are gone.
      trainNext()
    default: core.counters.malformedDropped += 1
    }
  }

  private func cancel(_ groups: [GroupKey]) {
    for group in groups { batches.cancel(group) }
  }

  private func received(_ batch: FetchedBatch) {
    shares.received(batch)
    trainNext()
  }

  /// Starts the earliest round whose batch and parameters are here, and asks for what comes after it. Once the parameters'
  /// version is committed their first block is enough: before that the others may wait for a round that this worker is
  /// still to be given.
  private func trainNext() {
    defer { fetchBatches() }
    guard !isTraining, let trainer, let step = shares.earliest else { return }
    shards.fetch(version: step)
    guard let parameters = shards.parameters(at: step), parameters.isWhole || step <= committed,
      let round = shares.begin(step: step)
    else { return }
    isTraining = true
    let stamp = core.stamp
    work.submit { [self, clock = core.clock] in
      let (outcome, seconds) = clock.measure {
        Result { () throws(NetworkError) in
          try trainer.train(parameters: parameters, batch: round.batch) { contribution, first in
            self.thread.perform {
              self.assumeIsolated { $0.contribute(round, contribution, from: first, stamp: stamp) }
            }
          }
        }
      }
      thread.perform {
        self.assumeIsolated { $0.trained(round, outcome, stamp: stamp, seconds: seconds) }
      }
    }
  }

  private func fetchBatches() {
    for (group, worker) in shares.batchesToFetch() { batches.fetch(group, from: worker) }
  }

  /// Backward has come this far: the blocks behind it are on their way while it goes on, and the next version is asked for.
  private func contribute(
    _ round: TrainingShares.Round, _ contribution: AlignedBuffer, from element: Int, stamp: RunStamp
  ) {
    guard stamp == core.stamp, let steps = core.configuration?.topology.train.steps,
      let (node, sum) = shares.add(round, contribution, from: element)
    else { return }
    let step = round.batch.group.step
    if step + 1 < steps { shards.fetch(version: step + 1) }
    shards.contribute(version: step, node: node, sum, from: element)
  }

  private func trained(
    _ round: TrainingShares.Round, _ outcome: Result<RoundResult, NetworkError>, stamp: RunStamp, seconds: Double
  ) {
    isTraining = false
    core.counters.items += 1
    defer { trainNext() }
    guard stamp == core.stamp else { return }
    let batch = round.batch
    switch outcome {
    case .failure(let error):
      core.end(.refused("training \(batch.group) failed: \(error)"))
    case .success(let result):
      contribute(round, result.contribution, from: 0, stamp: stamp)
      send(
        shares.finish(
          round,
          TrainedReport(
            group: batch.group, consumed: batch.consumed, loss: result.loss, correct: result.correct, seconds: seconds))
      )
      core.tap.publish(ItemKey(group: batch.group, slot: 0)) {
        (["loss": .number(result.loss), "correct": .integer(result.correct)], nil)
      }
    }
  }

  private func taken(_ node: TreeNode, step: Int) { send(shares.taken(ReplicaShare(step: step, node: node))) }

  private func send(_ reports: [TrainedReport]?) {
    if let reports { core.link.send(.trained, TrainedReports(reports)) }
  }
}
