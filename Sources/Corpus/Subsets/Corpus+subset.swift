internal import Foundation
internal import GRDB

extension Corpus {
  /// The videos of the training split that a recipe may take, by label kept.
  struct Pool {
    /// Ranks of each label's videos that have the recipe's lengths, rising; nil where all may be taken.
    var eligible: [[Int32]]?
    /// How long each of them is in the subset; empty where nobody asked.
    var seconds: [[Float]]
    /// How many each label has.
    var available: [Int]
    /// How many of them may be taken at most, after the recipe's other histogram.
    var limits: [Int]
  }

  /// Chooses videos to train on; the index has no subset itself.
  ///
  /// - Throws: `subset` for a recipe that contradicts itself, has unknown labels or wants more than there is.
  package func subset(_ recipe: SubsetRecipe) throws(CorpusError) -> Subset {
    precondition(selection == nil)
    guard isProbed || !recipe.singleFrame else {
      throw CorpusError(
        .subset, "\(directory): single frames are those of videos that are opened: see `sluice corpus probe`")
    }
    if let mistake = recipe.mistake { throw CorpusError(.subset, mistake) }
    let kept = try Self.keptLabels(recipe, labels: labels)
    let names = kept.map { labels[$0] }
    let pool = try pool(recipe, ranges: kept.map { ranges[.train]![$0] }, needsSeconds: true)
    let total = pool.limits.reduce(0, +)
    let wanted = recipe.videos ?? (total > 0 ? 0 : 1)
    guard total >= wanted else {
      throw CorpusError(.subset, "\(directory): has \(total) such videos to train on, not \(max(wanted, 1))")
    }
    let order = Selection(
      recipe, labels: names, available: pool.available, eligible: nil, counts: pool.available)
    var left = recipe.videos ?? total
    var seconds = 0.0
    func length(_ label: Int, _ index: Int) -> Double {
      Double(pool.seconds[label][order.place(label: label, index: index)])
    }
    let counts: [Int]
    switch recipe.choice {
    case .random:
      let most = recipe.hours.map { $0 * 3600 } ?? .infinity
      counts = SubsetCounts.random(pool.limits, order: Selection.order(recipe)) { label, index in
        let next = seconds + length(label, index)
        guard left > 0, next <= most else { return false }
        (left, seconds) = (left - 1, next)
        return true
      }
    case .tailPreserving:
      counts = SubsetCounts.tailPreserving(pool.limits, total: left) {
        CounterRandom.hash(names[$0], seed: recipe.seed)
      }
      for (label, count) in counts.enumerated() { for index in 0..<count { seconds += length(label, index) } }
    }
    let named = zip(names, counts).filter { $0.1 > 0 }
    guard !named.isEmpty else { throw CorpusError(.subset, "\(directory): not one video fits into the hours given") }
    return Subset(
      corpus: fingerprint, recipe: recipe, hours: seconds / 3600, counts: Dictionary(uniqueKeysWithValues: named))
  }

  /// Indices of the labels a recipe keeps, rising.
  static func keptLabels(_ recipe: SubsetRecipe, labels: [String]) throws(CorpusError) -> [Int] {
    guard let wanted = recipe.labels.map(Set.init) else { return Array(labels.indices) }
    if let unknown = wanted.subtracting(labels).min() {
      throw CorpusError(.subset, "the index has no label \"\(unknown)\"")
    }
    return labels.indices.filter { wanted.contains(labels[$0]) }
  }

  /// Reads the lengths of the videos in `ranges`, one for each label kept, where the recipe or the caller needs them.
  func pool(
    _ recipe: SubsetRecipe, ranges: [Range<Int>], needsSeconds: Bool
  ) throws(CorpusError) -> Pool {
    var pool = Pool(eligible: nil, seconds: [], available: ranges.map(\.count), limits: ranges.map(\.count))
    guard needsSeconds || recipe.lengths != nil else { return pool }
    var ranks: [[Int32]] = []
    var others = ranges.map { _ in 0 }
    for (label, range) in ranges.enumerated() {
      ranks.append([])
      pool.seconds.append([])
      try forEachLength(range) { rank, seconds, framesPerSecond in
        if recipe.histogramOf?.contains(seconds) == true { others[label] += 1 }
        guard recipe.lengths?.contains(seconds) ?? true else { return }
        ranks[label].append(Int32(rank))
        let kept = min(seconds, recipe.centerSeconds ?? seconds)
        pool.seconds[label].append(Float(recipe.singleFrame ? 1 / framesPerSecond : kept))
      }
    }
    if recipe.lengths != nil { pool.eligible = ranks }
    pool.available = ranks.map(\.count)
    pool.limits = recipe.histogramOf == nil ? pool.available : zip(pool.available, others).map(min)
    return pool
  }

  /// Videos without a frame rate have no length.
  private func forEachLength(
    _ ids: Range<Int>, _ body: (_ rank: Int, _ seconds: Double, _ framesPerSecond: Double) -> Void
  ) throws(CorpusError) {
    do {
      try queue.unsafeRead { database in
        let statement = try database.cachedStatement(
          sql: "SELECT id, end_frame - start_frame, frames_per_second FROM videos WHERE id >= ? AND id < ? ORDER BY id")
        let rows = try Row.fetchCursor(statement, arguments: [ids.lowerBound, ids.upperBound])
        while let row = try rows.next() {
          guard let id = Int.fromDatabaseValue(row[0]), let frames = Int.fromDatabaseValue(row[1]),
            let rate = Double.fromDatabaseValue(row[2])
          else { throw CorpusError(.index, "a row holds a value of the wrong type") }
          body(id - ids.lowerBound, rate > 0 ? Double(frames) / rate : 0, rate > 0 ? rate : 1)
        }
      }
    } catch {
      throw CorpusError(.index, "\(directory)/\(Self.fileName): cannot be read; build again", underlying: error)
    }
  }
}
