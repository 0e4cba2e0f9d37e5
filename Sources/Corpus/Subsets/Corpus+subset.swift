internal import Foundation
internal import GRDB

extension Corpus {
  /// The videos of the training split that a recipe may take, by label kept.
  struct Pool {
    var eligible: EligibleVideos
    /// How long each of them is in the subset, not a number where nobody knows; empty where nobody asked.
    var seconds: [[Float]]
    /// How many each label has.
    var available: [Int]
    /// How many of them may be taken at most, after the recipe's other histogram.
    var limits: [Int]
    /// Videos of unknown length, which lengths leave out; 0 where nobody asked.
    var unknownLengths = 0
  }

  /// How long the videos taken are together.
  private struct Taken {
    var seconds = 0.0
    var unknownLengths = 0

    /// - Parameter next: not a number for a length that nobody knows.
    mutating func add(_ next: Float) {
      if next.isNaN { unknownLengths += 1 } else { seconds += Double(next) }
    }
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
    try check(recipe, pool)
    let order = Selection(
      recipe, labels: names, available: pool.available, eligible: .all, counts: pool.available)
    var left = recipe.videos ?? pool.limits.reduce(0, +)
    var taken = Taken()
    func length(_ label: Int, _ index: Int) -> Float {
      pool.seconds[label][order.place(label: label, index: index)]
    }
    let counts: [Int]
    switch recipe.choice {
    case .random:
      let most = recipe.hours.map { $0 * 3600 } ?? .infinity
      counts = SubsetCounts.random(pool.limits, order: Selection.order(recipe)) { label, index in
        var next = taken
        next.add(length(label, index))
        guard left > 0, next.seconds <= most else { return false }
        (left, taken) = (left - 1, next)
        return true
      }
    case .tailPreserving:
      counts = SubsetCounts.tailPreserving(pool.limits, total: left) {
        CounterRandom.hash(names[$0], seed: recipe.seed)
      }
      for (label, count) in counts.enumerated() { for index in 0..<count { taken.add(length(label, index)) } }
    }
    let named = zip(names, counts).filter { $0.1 > 0 }
    guard !named.isEmpty else { throw CorpusError(.subset, "\(directory): not one video fits into the hours given") }
    return Subset(
      corpus: fingerprint, recipe: recipe, hours: taken.seconds / 3600,
      unknownLengths: recipe.lengths == nil ? taken.unknownLengths : pool.unknownLengths,
      counts: Dictionary(uniqueKeysWithValues: named))
  }

  /// - Throws: `subset` where there are fewer videos than the recipe wants, or lengths that it needs are not known.
  private func check(_ recipe: SubsetRecipe, _ pool: Pool) throws(CorpusError) {
    let (total, unknown) = (pool.limits.reduce(0, +), pool.unknownLengths)
    guard unknown == 0 || recipe.lengths != nil || recipe.hours == nil && recipe.centerSeconds == nil else {
      throw CorpusError(
        .subset,
        "\(directory): nobody knows how long \(unknown) of its \(total) videos to train on are; leave them out with a range of "
          + "lengths, as `--seconds 0:100000000`, or open them first with `sluice corpus probe`")
    }
    let wanted = recipe.videos ?? 1
    guard total >= wanted else {
      let reason = unknown > 0 ? " (\(unknown) more are of unknown length)" : ""
      throw CorpusError(.subset, "\(directory): has \(total) such videos to train on, not \(wanted)\(reason)")
    }
  }

  /// The rows that a subset of this index leaves out by name.
  ///
  /// - Throws: `subset` for a file that is none, or of another index.
  package func rowsWithout(subset path: String) throws(CorpusError) -> [Int] {
    let subset = try Subset.read(path: path)
    guard subset.corpus == fingerprint else {
      throw CorpusError(.subset, "\(path): a subset of another index than that of \(directory); make it again")
    }
    return subset.recipe.without ?? []
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
    let left = try leftOut(recipe, ranges: ranges)
    let counts = zip(ranges, left).map { $0.count - $1.count }
    var pool = Pool(
      eligible: recipe.without == nil ? .all : .without(left), seconds: [], available: counts, limits: counts)
    guard needsSeconds || recipe.lengths != nil else { return pool }
    var ranks: [[Int32]] = []
    var others = ranges.map { _ in 0 }
    for (label, range) in ranges.enumerated() {
      ranks.append([])
      pool.seconds.append([])
      var leftOut = left[label][...]
      try forEachLength(range) { rank, seconds, framesPerSecond in
        if leftOut.first == Int32(rank) {
          leftOut.removeFirst()
          return
        }
        if seconds.isNaN { pool.unknownLengths += 1 }
        if recipe.histogramOf?.contains(seconds) == true { others[label] += 1 }
        guard recipe.lengths?.contains(seconds) ?? true else { return }
        ranks[label].append(Int32(rank))
        let kept = min(recipe.centerSeconds ?? seconds, seconds)
        pool.seconds[label].append(Float(recipe.singleFrame ? 1 / framesPerSecond : kept))
      }
    }
    if recipe.lengths != nil { pool.eligible = .only(ranks) }
    pool.available = ranks.map(\.count)
    pool.limits = recipe.histogramOf == nil ? pool.available : zip(pool.available, others).map(min)
    return pool
  }

  /// Ranks of each label's videos that the recipe leaves out. Rows of labels that it does not keep do not count.
  private func leftOut(_ recipe: SubsetRecipe, ranges: [Range<Int>]) throws(CorpusError) -> [[Int32]] {
    var ranks = ranges.map { _ in [Int32]() }
    let rows = ranges.indices.filter { !ranges[$0].isEmpty }.sorted { ranges[$0].lowerBound < ranges[$1].lowerBound }
    var next = rows[...]
    let all = self.ranges[.train] ?? []
    let end = all.map(\.upperBound).max() ?? 0
    for id in recipe.without ?? [] {
      guard 0..<end ~= id else {
        throw CorpusError(.subset, "\(directory): leaves out row \(id), which no video to train on has; make it again")
      }
      while let label = next.first, ranges[label].upperBound <= id { next.removeFirst() }
      if let label = next.first, ranges[label].contains(id) {
        ranks[label].append(Int32(id - ranges[label].lowerBound))
      }
    }
    return ranks
  }

  /// Videos without a frame rate are of unknown length, which is not a number here, as their rate is.
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
          body(id - ids.lowerBound, rate > 0 ? Double(frames) / rate : .nan, rate > 0 ? rate : .nan)
        }
      }
    } catch {
      throw CorpusError(.index, "\(directory)/\(Self.fileName): cannot be read; build again", underlying: error)
    }
  }
}
