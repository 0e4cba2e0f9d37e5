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
  /// Leased groups, with their batch once it has come.
  private var leases: [GroupKey: FetchedBatch?] = [:]
  /// Reports that wait for the shards' word.
  private var finished: [GroupKey: TrainedReport] = [:]
  /// The round under way.
  private var training: GroupKey?

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
    leases = [:]
    finished = [:]
    batches.cancelAll()
  }

  private func handle(_ kind: MessageKind, _ envelope: Envelope) {
    switch kind {
    case .peers:
      guard let peers = try? Peers(from: envelope) else { break }
      if peers.stage == .batch { batches.update(peers) } else { shards.update(peers) }
    case .train:
      guard let lease = try? TrainLease(body: envelope.body) else { break }
      guard finished[lease.group] == nil, training != lease.group else { break }
      // Leased again while its batch is still awaited: another batch worker has it now.
      if case .some(.some) = leases[lease.group] { break }
      leases[lease.group] = .some(nil)
      batches.fetch(lease.group, from: lease.batch)
      trainNext()
    case .commit:
      guard let commit = try? Commit(from: envelope) else { break }
      for group in leases.keys where group.step < commit.version {
        leases[group] = nil
        batches.cancel(group)
      }
      // Others may have done what this worker was at, while it was stopped: it waited for parameters that are gone.
      trainNext()
    default: core.counters.malformedDropped += 1
    }
  }

  private func received(_ batch: FetchedBatch) {
    guard leases[batch.group] != nil else { return }
    leases[batch.group] = .some(batch)
    trainNext()
  }

  /// Starts the earliest leased group whose batch and parameters are here.
  private func trainNext() {
    guard training == nil, let trainer, let earliest = leases.keys.map(\.step).min() else { return }
    shards.fetch(version: earliest)
    guard let parameters = shards.parameters(at: earliest) else { return }
    let ready = leases.filter { $0.key.step == earliest && $0.value != nil }.keys.min()
    guard let group = ready, let batch = leases[group]! else { return }
    leases[group] = nil
    training = group
    let stamp = core.stamp
    work.submit { [self, clock = core.clock] in
      let (outcome, seconds) = clock.measure {
        Result { () throws(NetworkError) in
          try trainer.train(parameters: parameters, batch: batch) { contribution, first in
            self.thread.perform {
              self.assumeIsolated { $0.contribute(group, contribution, from: first, stamp: stamp) }
            }
          }
        }
      }
      thread.perform {
        self.assumeIsolated { $0.trained(batch, outcome, stamp: stamp, seconds: seconds) }
      }
    }
  }

  /// Backward has come this far: the blocks behind it are on their way while it goes on, and the next version is asked for.
  private func contribute(_ group: GroupKey, _ contribution: AlignedBuffer, from element: Int, stamp: RunStamp) {
    guard stamp == core.stamp, let steps = core.configuration?.topology.train.steps else { return }
    if group.step + 1 < steps { shards.fetch(version: group.step + 1) }
    shards.contribute(version: group.step, node: .leaf(group.index), contribution, from: element)
  }

  private func trained(
    _ batch: FetchedBatch, _ outcome: Result<RoundResult, NetworkError>, stamp: RunStamp, seconds: Double
  ) {
    training = nil
    core.counters.items += 1
    defer { trainNext() }
    guard stamp == core.stamp else { return }
    switch outcome {
    case .failure(let error):
      core.end(.refused("training \(batch.group) failed: \(error)"))
    case .success(let result):
      finished[batch.group] = TrainedReport(
        group: batch.group, consumed: batch.consumed, loss: result.loss, correct: result.correct, seconds: seconds)
      contribute(batch.group, result.contribution, from: 0, stamp: stamp)
      core.tap.publish(ItemKey(group: batch.group, slot: 0)) {
        (["loss": .number(result.loss), "correct": .integer(result.correct)], nil)
      }
    }
  }

  private func taken(_ node: TreeNode, step: Int) {
    let group = GroupKey(kind: .training, step: step, index: node.index)
    guard let report = finished.removeValue(forKey: group) else { return }
    core.link.send(.trained, report)
  }
}
