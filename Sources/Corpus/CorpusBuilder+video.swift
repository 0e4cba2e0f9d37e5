internal import Video

extension CorpusBuilder {
  /// Builds the index with libav as the prober; see the longer form for the parameters.
  package static func build(
    directory: String, labelsFile: String?, seed: UInt64 = 0, minimumVideos: Int = 0, workers: Int? = nil,
    warn: @escaping (_ path: String, _ reason: String) -> Void = { _, _ in },
    progress: @escaping (Int, Int) -> Void = { _, _ in }
  ) throws(CorpusError) -> CorpusBuildReport {
    try build(
      directory: directory, labelsFile: labelsFile, seed: seed, minimumVideos: minimumVideos, workers: workers,
      prober: probe, warn: warn, progress: progress)
  }

  /// Probes the videos of an index with libav; see the longer form for the parameters.
  package static func probe(
    _ matched: Corpus, to directory: String, workers: Int? = nil,
    warn: @escaping (_ path: String, _ reason: String) -> Void = { _, _ in },
    progress: @escaping (Int, Int) -> Void = { _, _ in }
  ) throws(CorpusError) -> CorpusBuildReport {
    try probe(matched, to: directory, workers: workers, prober: probe, warn: warn, progress: progress)
  }

  private static func probe(_ path: String) throws(ProbeFailure) -> ProbedVideo {
    do {
      let modifiedSeconds = VideoLocation(path).modifiedSeconds
      let finding = try VideoProbe.index(path: path)
      let info = finding.info
      return ProbedVideo(
        frameCount: info.frameCount, width: info.width, height: info.height, framesPerSecond: info.framesPerSecond,
        codec: info.codec, byteCount: info.byteCount,
        modifiedSeconds: modifiedSeconds, access: finding.access, packets: finding.table?.blob)
    } catch {
      throw ProbeFailure(reason: error.message, isTransient: error.isTransient)
    }
  }
}
