import Glibc
import Networks
import Tensors
package import Topology
import Wire
import ZeroMQ

/// A train worker without clips: it contributes the same numbers to every version as soon as it has it, or trains on noise and
/// contributes as backward goes on.
actor AverageBenchmarkWorker: StageActor {
  private nonisolated let thread: SocketThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let launch: StageLaunch
  private let worker: Int
  private let lastVersion: Int
  private let contribution: AlignedBuffer
  private let trainer: NoiseTrainer?
  private let work = WorkThread(name: "train-work")
  private var core: StageCore!
  private var shards: ShardLink!
  /// When the step that leads to the next version began.
  private var began = 0.0

  /// - Parameter lastVersion: nothing is contributed to it.
  init(launch: StageLaunch, worker: Int, elements: Int, lastVersion: Int, network: BenchmarkNetwork?) throws {
    self.launch = launch
    self.worker = worker
    self.lastVersion = lastVersion
    thread = SocketThread(name: "train")
    trainer = try network.map { try NoiseTrainer($0, worker: worker) }
    contribution = AlignedBuffer(byteCount: elements * 4)
    let values = contribution.elements(Float.self)
    for index in 0..<elements {
      values[index] = Float((index &* 2_654_435_761 &+ worker) >> 8 & 0xffff) / 65536 - 0.5
    }
  }

  func run() async throws -> StageEnd {
    core = try StageCore(stage: .train, launch: launch, thread: thread, produces: false)
    shards = ShardLink(
      identity: core.identity.id, place: launch.place, thread: thread, stamp: { self.core.stamp },
      onParameters: { self.holds($0) }, onTaken: { _, _ in })
    core.onConfigure = { configuration in
      self.shards.reset(map: BlockMap(elements: self.contribution.byteCount / 4, shards: configuration.shards))
      self.shards.fetch(version: 0)
    }
    core.onMessage = { kind, envelope in
      if kind == .peers, let peers = try? Peers(from: envelope) { self.shards.update(peers) }
    }
    core.start()
    let end = await withCheckedContinuation { core.waitForEnd($0) }
    shards.close()
    core.close()
    work.stop()
    return end
  }

  func leave() { core?.leave() }

  private func holds(_ version: Int) {
    guard let vector = shards.parameters(at: version), vector.isWhole else { return }
    var round = BenchmarkRound(version: version, worker: worker)
    if version == lastVersion { round.digest = XXH3.hash(UnsafeRawBufferPointer(vector.buffer.bytes)) }
    guard let trainer else {
      core.link.send(round)
      return next(version)
    }
    if version > 0 { round.seconds = Monotonic.seconds() - began }
    work.submit { [self, round] in
      var round = round
      let start = Monotonic.seconds()
      trainer.step(vector) { _, _ in }
      round.secondsAlone = Monotonic.seconds() - start
      thread.perform { [round] in
        self.assumeIsolated { worker in
          worker.core.link.send(round)
          worker.train(version, vector, trainer)
        }
      }
    }
  }

  private func train(_ version: Int, _ vector: IncomingVector, _ trainer: NoiseTrainer) {
    guard version < lastVersion else { return }
    began = Monotonic.seconds()
    work.submit { [self] in
      trainer.step(vector) { contribution, element in
        self.thread.perform {
          self.assumeIsolated { worker in
            worker.shards.fetch(version: version + 1)
            worker.shards.contribute(version: version, node: .leaf(worker.worker), contribution, from: element)
          }
        }
      }
    }
  }

  private func next(_ version: Int) {
    guard version < lastVersion else { return }
    shards.fetch(version: version + 1)
    shards.contribute(version: version, node: .leaf(worker), contribution)
  }
}

/// Trains a network on one batch of noise, again and again.
final class NoiseTrainer: Sendable {
  private let trainer: NetworkTrainer
  private let batch: FetchedBatch

  init(_ network: BenchmarkNetwork, worker: Int) throws {
    let (side, classes) = (112, BenchmarkNetwork.classes)
    trainer = try NetworkTrainer(
      network: NetworkDefinition(name: network.name, classes: classes).network(
        batch: network.batch, frames: network.frames, height: side, width: side, threads: network.threads,
        precision: .float32, winograd: true))
    let dimensions = [network.batch, network.frames, side, side, 3]
    let clips = AlignedBuffer(byteCount: dimensions.reduce(1, *))
    let noise = CounterGenerator(seed: UInt64(worker), name: "bench")
    for index in 0..<clips.byteCount { clips.bytes[index] = UInt8(truncatingIfNeeded: noise.bits(UInt64(index))) }
    let group = GroupKey(kind: .training, step: 0, index: worker)
    let tensor = TensorDescriptor(
      elementType: .uint8, layout: .thwc, dimensions: Array(dimensions.dropFirst()), compression: .none,
      storedByteCount: clips.byteCount / network.batch, checksum: 0)
    batch = FetchedBatch(
      group: group,
      slots: (0..<network.batch).map {
        ClipHeader(key: ItemKey(group: group, slot: $0), owner: 0, labels: [$0 % classes], tensor: tensor)
      }, clips: clips, dimensions: dimensions)
  }

  /// - Parameter onFinal: as of ``RoundTrainer``; the last call is for the whole contribution.
  func step(_ parameters: IncomingVector, onFinal: (AlignedBuffer, Int) -> Void) {
    // The batch fits the network: made for each other in `init`.
    guard let result = try? trainer.train(parameters: parameters, batch: batch, onFinal: onFinal) else { return }
    onFinal(result.contribution, 0)
  }
}

/// One process of `bench average`.
package struct AverageBenchmarkProcess: Sendable {
  package var stages: [Stage]
  package var join: String
  package var ordinal: Int
  package var elements: Int
  package var lastVersion: Int
  package var network: BenchmarkNetwork?
  /// The process counts as a host of its own.
  package var isOverTCP: Bool

  package init(
    stages: [Stage], join: String, ordinal: Int, elements: Int, lastVersion: Int, network: BenchmarkNetwork? = nil,
    isOverTCP: Bool = false
  ) {
    self.network = network
    self.isOverTCP = isOverTCP
    self.stages = stages
    self.join = join
    self.ordinal = ordinal
    self.elements = elements
    self.lastVersion = lastVersion
  }

  /// Works until its supervisor ends it.
  package func run() async throws {
    Context.keepFreedMemory()
    let place = try ProcessPlace(
      context: try Context(), host: isOverTCP ? "bench-\(getpid())" : "bench", address: isOverTCP ? "127.0.0.1" : nil)
    let launch = StageLaunch(join: join, place: place, ordinal: String(ordinal), elements: elements)
    try await withThrowingTaskGroup(of: StageEnd.self) { group in
      for stage in stages {
        let actor: any StageActor =
          stage == .average
          ? AverageStage(launch: launch)
          : try AverageBenchmarkWorker(
            launch: launch, worker: ordinal, elements: elements, lastVersion: lastVersion, network: network)
        group.addTask { try await actor.run() }
      }
      for try await end in group { if case .refused(let reason) = end { throw PipelineError(.refused, reason) } }
    }
  }
}
