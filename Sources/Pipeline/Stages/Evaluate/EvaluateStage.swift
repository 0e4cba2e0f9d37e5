import Networks
import Tensors
import Topology
import Wire
import ZeroMQ

/// Scores videos with the parameters of a pinned checkpoint: softmax, or sigmoids, averaged over a video's clips.
package actor EvaluateStage: StageActor {
  private nonisolated let thread: SocketThread
  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let launch: StageLaunch
  private let work: WorkThread
  private var core: StageCore!
  private var batches: BatchFetcher!
  private var scorer: VideoScorer?
  /// Batches that are here and wait for their turn.
  private var scoring: Set<GroupKey> = []

  package init(launch: StageLaunch) {
    self.launch = launch
    thread = SocketThread(name: "evaluate")
    work = WorkThread(name: "evaluate-work")
  }

  package func run() async throws -> StageEnd {
    core = try StageCore(stage: .evaluate, launch: launch, thread: thread, produces: false)
    core.fingerprint = .numerics()
    batches = BatchFetcher(
      identity: core.identity.id, place: launch.place, thread: thread, stamp: { self.core.stamp },
      onBatch: { self.score($0) })
    core.onConfigure = { self.configure($0) }
    core.onMessage = { kind, envelope in self.handle(kind, envelope) }
    core.start()
    let end = await withCheckedContinuation { core.waitForEnd($0) }
    batches.close()
    core.close()
    work.stop()
    return end
  }

  package func leave() { core?.leave() }

  private func configure(_ configuration: StageConfiguration) {
    batches.cancelAll()
    batches.format = PixelFormat(configuration.topology.links.format)
    guard scorer == nil else { return }
    do {
      scorer = try VideoScorer(configuration)
    } catch {
      core.end(.refused("cannot evaluate here: \(error)"))
    }
  }

  private func handle(_ kind: MessageKind, _ envelope: Envelope) {
    switch kind {
    case .peers: if let peers = try? Peers(from: envelope) { batches.update(peers) }
    case .evaluate:
      guard let lease = try? EvaluateLease(from: envelope) else { break }
      if !scoring.contains(lease.group) { batches.fetch(lease.group, from: lease.batch) }
    case .commit: break
    default: core.counters.malformedDropped += 1
    }
  }

  private func score(_ batch: FetchedBatch) {
    guard let scorer, scoring.insert(batch.group).inserted else { return }
    work.submit { [self, clock = core.clock] in
      let (outcome, seconds) = clock.measure {
        Result { try scorer.scores(batch) }.mapError { ScoringError(message: "\($0)") }
      }
      thread.perform { self.assumeIsolated { $0.scored(batch, outcome, seconds) } }
    }
  }

  private func scored(_ batch: FetchedBatch, _ outcome: Result<[Float], ScoringError>, _ seconds: Double) {
    scoring.remove(batch.group)
    core.counters.items += 1
    switch outcome {
    case .failure(let error): core.end(.refused("evaluating version \(batch.group.step) failed: \(error.message)"))
    case .success(let scores):
      core.link.send(EvaluatedReport(group: batch.group, scores: scores, seconds: seconds))
      core.tap.publish(ItemKey(group: batch.group, slot: 0)) {
        (["label": .integer(batch.labels.first?.first ?? 0), "predicted": .integer(scores.argmax)], nil)
      }
    }
  }
}

struct ScoringError: Error { var message: String }

/// Scores videos with checkpoints of a run. Used on the evaluate stage's work thread.
final class VideoScorer: @unchecked Sendable {
  // Sendable: made on the stage's thread, from then on used on its work thread only.
  private let network: any ClipNetwork
  private let directory: String
  private let classes: Int
  private let average: ClipScores
  private var version: Int?
  private var parameters: AlignedBuffer?

  init(_ configuration: StageConfiguration) throws {
    let topology = configuration.topology
    let train = topology.train
    directory = configuration.directory
    classes = configuration.classes
    average = ClipScores(of: train.objective)
    let definition = try NetworkDefinition(name: train.network, classes: classes, width: train.width)
    network = try definition.network(
      batch: topology.evaluate?.clips ?? 1, frames: topology.clip.frames, height: topology.clip.crop,
      width: topology.clip.crop, threads: train.threads, precision: Precision(train.precision),
      winograd: train.winograd)
  }

  /// Scores averaged over the batch's clips, one for each class.
  func scores(_ batch: FetchedBatch) throws -> [Float] {
    if version != batch.group.step {
      let path = Checkpoint.path(in: directory, version: batch.group.step)
      parameters = try Checkpoint(directory: path).vector(elements: network.layout.count)
      version = batch.group.step
    }
    let logits = try network.logits(
      parameters: UnsafeBufferPointer(parameters!.elements(Float.self)),
      clips: UnsafePointer(batch.clips.elements(UInt8.self).baseAddress!), count: batch.slots.count)
    return average(logits, classes: classes)
  }
}

extension [Float] {
  var argmax: Int { indices.max { self[$0] < self[$1] || (self[$0] == self[$1] && $0 > $1) } ?? 0 }
}
