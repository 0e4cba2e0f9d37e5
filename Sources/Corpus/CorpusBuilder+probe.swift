internal import Files
internal import Foundation

extension CorpusBuilder {
  /// Builds the index of videos that an index has which nobody has opened, or of a subset of it, by probing them.
  ///
  /// It goes on after an interruption as `build` does. Memory does not grow with the number of videos.
  ///
  /// - Parameters:
  ///   - matched: keeps its labels, splits and the label drawn for each video.
  ///   - directory: of the new index; made if it is not there.
  /// - Throws: as `build` does, and `index` for one that is probed.
  package static func probe(
    _ matched: Corpus, to directory: String, workers: Int? = nil, prober: @escaping VideoProber,
    interval: Duration = .milliseconds(500), warn: @escaping (_ path: String, _ reason: String) -> Void = { _, _ in },
    progress: @escaping (Int, Int) throws -> Void = { _, _ in }
  ) throws(CorpusError) -> CorpusBuildReport {
    guard !matched.isProbed else {
      throw CorpusError(.index, "\(matched.directory): its videos are probed already")
    }
    guard FilePlace("\(directory)/\(Corpus.fileName)") != FilePlace("\(matched.directory)/\(Corpus.fileName)") else {
      throw CorpusError(.index, "\(directory): has the index to be probed, which would be lost; write to another place")
    }
    let settings = OpeningPass.Settings(
      workers: workers, prober: prober, interval: interval, warn: warn, progress: progress)
    do {
      return try probe(matched, to: directory, settings)
    } catch {
      throw IndexWriter.error(error, path: directory + "/" + Corpus.fileName)
    }
  }

  private static func probe(
    _ matched: Corpus, to directory: String, _ settings: OpeningPass.Settings
  ) throws -> CorpusBuildReport {
    let seed = try matched.seed()
    let place = FileManager.default.currentDirectoryPath
    var report = CorpusBuildReport()
    var pass = try OpeningPass(in: directory)
    for split in Split.allCases {
      var videos = VideoCursor(matched, splits: [split])
      while let video = try videos.next() {
        let file = Corpus.resolve(video.path, directory: place)
        let isWhole = video.startFrame == 0 && video.endFrame == video.frameCount
        let hash = NameDraws(seed: seed).order(CounterRandom.Name(file.utf8))
        try pass.add(
          Candidate(
            order: IndexOrder(split: split, label: video.label, hash: hash), labels: video.labels, file: file,
            line: video.id, number: report.rows, startSeconds: isWhole ? nil : Double(video.startFrame) / 1000,
            endSeconds: isWhole || video.framesPerSecond == 0 ? nil : Double(video.endFrame) / 1000))
        report.rows += 1
      }
    }
    report.labels = matched.labels.count
    let content = OpeningPass.Content(seed: seed, labels: try matched.phrasedLabels())
    try pass.run(content, settings, source: matched.directory, report: &report)
    return report
  }
}
