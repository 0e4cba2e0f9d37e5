internal import Corpus

extension Deduplicator {
  /// Compares features of a trained network, whose files are read one after the other.
  ///
  /// - Parameters:
  ///   - files: of the corpus; see ``FeatureFile``. Rows of videos that are not trained on are passed over.
  ///   - targetFiles: one for each target.
  ///   - distance: a video with a row at this cosine distance or less goes.
  ///   - progress: what is done, how much of it and of how much; called from several threads, one at a time.
  /// - Returns: the report, and the pairs by rising distance, up to twice `distance`.
  /// - Throws: `features` for files that do not fit; see ``FeatureFile``.
  package func byFeatures(
    _ files: [String], targetFiles: [String], distance: Double,
    progress: @escaping @Sendable (_ what: String, _ done: Int, _ all: Int) -> Void
  ) throws -> (report: Report, pairs: [Pair]) {
    precondition(targetFiles.count == targets.count)
    let targetFeatures = try zip(targetFiles, targets).map { try FeatureFile(path: $0, of: $1) }
    for file in targetFeatures.dropFirst() { try Self.requireSameDimensions(file, targetFeatures[0]) }
    let searcher = FeatureSearch(targetFeatures, workers: workers)
    var search = Search()
    search.targetDescriptors = targetFeatures.reduce(0) { $0 + $1.count }
    search.targetsDescribed = targetFeatures.reduce(0) { $0 + Set($1.rows).count }
    let rows = corpus.rows(splits: [.train])
    var isDescribed = [Bool](repeating: false, count: rows.last?.upperBound ?? 0)
    var best: [Int: Search.Match] = [:]
    for path in files {
      let features = try FeatureFile(path: path, of: corpus)
      try Self.requireSameDimensions(features, targetFeatures[0])
      let found = searcher.nearest(features) { progress("rows of \(path)", $0, features.count) }
      for (place, row) in features.rows.enumerated() where rows.contains(where: { $0.contains(row) }) {
        isDescribed[row] = true
        search.descriptors += 1
        // Rounding takes equal ones a little beyond 1.
        let away = max(0, 1 - Double(found[place].cosine))
        guard away <= 2 * distance, away < best[row]?.distance ?? .infinity else { continue }
        let target = TargetVideo(
          target: found[place].target, row: targetFeatures[found[place].target].rows[found[place].place])
        best[row] = Search.Match(
          row: row, target: target, distance: away, isMirrored: false,
          seconds: features.seconds(place, of: try corpus.video(row: row)),
          targetSeconds: targetFeatures[target.target].seconds(
            found[place].place, of: try targets[target.target].video(row: target.row)))
      }
    }
    search.described = isDescribed.count { $0 }
    search.matches = best.values.sorted { $0.row < $1.row }
    return try report(search, distance: distance)
  }

  private static func requireSameDimensions(_ file: FeatureFile, _ other: FeatureFile) throws(DeduplicationError) {
    guard file.dimensions == other.dimensions else {
      throw DeduplicationError(
        .features,
        "\(file.path): rows of \(file.dimensions) features, those of \(other.path) have \(other.dimensions); both must be of "
          + "one network")
    }
  }
}
