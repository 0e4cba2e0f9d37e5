import Corpus
import Files
import Foundation
import Networks
import Tensors
import Topology

/// Evaluation results, the final weights and the report.
extension Coordinator {
  func record(_ result: EvaluationResult) throws {
    let scored = result.scores.keys.sorted()
    guard !scored.isEmpty else { return progress.note("no video of step \(result.version)'s evaluation could be read") }
    var hits = (top1: 0, top5: 0)
    var perLabel: [Int: (videos: Int, hits: Int)] = [:]
    for index in scored {
      let video = evaluationVideos[index]
      let rank = Metrics.rank(of: video.label, in: result.scores[index]!)
      if rank < 1 { hits.top1 += 1 }
      if rank < 5 { hits.top5 += 1 }
      perLabel[video.label, default: (0, 0)].videos += 1
      if rank < 1 { perLabel[video.label]!.hits += 1 }
    }
    let evaluation = RunReport.Evaluation(
      step: result.version, top1: Double(hits.top1) / Double(scored.count),
      top5: Double(hits.top5) / Double(scored.count),
      map: Metrics.meanAveragePrecision(
        scores: scored.map { result.scores[$0]! }, labels: scored.map { evaluationVideos[$0].labels }))
    labelAccuracy = corpus.labels.enumerated().compactMap { index, label in
      perLabel[index].map {
        RunReport.LabelAccuracy(label: label, videos: $0.videos, top1: Double($0.hits) / Double($0.videos))
      }
    }
    try ledger.record(evaluation, videos: scored.count)
    try metrics.append(evaluation)
    progress.evaluated(evaluation, videos: scored.count)
  }

  /// Writes weights and report and ends.
  func endRun() {
    do {
      let committed = try ledger.committedVersion()
      // Before the first step there may be nothing but version 0, which is a function of the seed.
      let checkpoint = Checkpoint.all(in: directory.path).last { $0.manifest.version <= committed }
      let version = checkpoint?.manifest.version ?? 0
      // Stopped while the shards were away: what they had done since is done again by who resumes.
      if version < committed { try noteRollBack(from: committed, to: version) }
      let vector =
        try checkpoint?.vector(elements: layout.count)
        ?? InitialModel.vector(topology: topology, classes: corpus.labels.count)
      defer { withExtendedLifetime(vector) {} }
      let values = UnsafeBufferPointer(vector.elements(Float.self))
      try Weights.save(values, layout: layout, metadata: weightsMetadata(version), to: directory.weightsPath)
      let report = try makeReport(version: version, hash: Weights.sha256(values, layout: layout))
      guard report.samplesUsed == report.samplesPlanned else {
        throw PipelineError(
          .audit, "\(report.samplesUsed) clips were used where \(report.samplesPlanned) were planned: see the ledger")
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      try OutputFile.replace(directory.reportPath, with: encoder.encode(report))
      try metrics.flush()
      try ledger.endIncarnation(stamp.incarnation, report.stopped ? "stopped" : "finished")
      finish(.success(report))
    } catch {
      if waitsForRoom(error) { return }
      fail(error as? PipelineError ?? PipelineError(.runDirectory, "\(error)"))
    }
  }

  private func weightsMetadata(_ version: Int) throws -> [String: String] {
    let labels = try JSONEncoder().encode(corpus.labels)
    let clip = topology.clip
    let resize =
      switch clip.resize {
      case .exact(let height, let width): "\(height)x\(width)"
      case .shortEdge(let edges): "short_edge:\(edges.lowerBound)"
      }
    let rate = clip.framesPerSecond.map { ["fps": "\($0)"] } ?? [:]
    return rate.merging([
      "network": topology.train.network, "width": "\(topology.train.width)",
      "labels": String(decoding: labels, as: UTF8.self), "frames": "\(clip.frames)", "stride": "\(clip.stride)",
      "resize": resize, "crop": "\(clip.crop)", "format": topology.links.format.rawValue,
      "mean": "0.43216,0.394666,0.37645",
      "std": "0.22803,0.22145,0.216989", "corpus": corpus.fingerprint, "corpus_directory": topology.corpus,
      "step": "\(version)", "run": topology.name, "loss": topology.train.loss.rawValue,
      "topology": topology.fingerprint,
    ]) { $1 }
  }

  /// Of the report before a resume that had nothing left to evaluate.
  private func earlierLabels() -> [RunReport.LabelAccuracy] {
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: directory.reportPath)) else { return [] }
    return (try? JSONDecoder().decode(RunReport.self, from: data))?.labels ?? []
  }

  /// Whether a run that was asked to stop leaves evaluations to the one that resumes it.
  private func leavesEvaluations(_ version: Int) throws -> Bool {
    let done = try ledger.evaluatedVersions()
    return stopRequested
      && Checkpoint.all(in: directory.path).map(\.manifest.version).contains {
        $0 <= version && isEvaluated($0) && !done.contains($0)
      }
  }

  /// What a session that is killed took is counted up to its last step.
  func countSeconds() {
    let now = Monotonic.seconds()
    ledger.addToCounter("seconds", now - countedAt)
    countedAt = now
  }

  private func makeReport(version: Int, hash: String) throws -> RunReport {
    var counters = pastCounters
    for (id, worker) in workers {
      if let stage = worker.identity.stage { counters[id] = (stage, worker.counters) }
    }
    let duplicates = counters.values.reduce(0) { $0 + $1.counters.duplicatesDropped }
    var work: [String: Int] = [:]
    for (id, entry) in counters { work[id] = max(entry.counters.items, reportsDone[id] ?? 0) }
    let ends = RunReport.meansOfEnds(try ledger.losses())
    countSeconds()
    if !isCounted {
      isCounted = true
      ledger.addToCounter("duplicates_dropped", Double(duplicates))
    }
    recordExpiredLeases()
    try ledger.flush()
    let used = try ledger.samplesUsed()
    let total = try ledger.counter("seconds")
    let numerics = try ledger.fingerprints()[.numerics]
    return RunReport(
      run: topology.name, directory: directory.path, steps: version,
      stepsRolledBack: try ledger.rolledBackCount(),
      stopped: try version < machine.settings.finalVersion || leavesEvaluations(version),
      reproducible: try ledger.counter("transients_substituted") == 0,
      samplesPlanned: version * topology.train.clipsPerStep, samplesUsed: used,
      substitutes: try ledger.substitutes(before: version),
      duplicatesDropped: Int(try ledger.counter("duplicates_dropped")),
      leasesExpired: Int(try ledger.counter("leases_expired")), quarantined: try ledger.quarantined(),
      workersLost: try ledger.workersLost(), parametersSHA256: hash, seconds: total,
      clipsPerSecond: total > 0 ? Double(used) / total : 0, waitShare: waitShares(), lossFirst: ends.first,
      lossLast: ends.last, evaluation: try ledger.lastEvaluation(),
      labels: labelAccuracy.isEmpty ? earlierLabels() : labelAccuracy, work: work,
      numerics: numerics?.value, kernels: numerics?.description)
  }
}
