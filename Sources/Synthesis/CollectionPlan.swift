import Foundation

/// A collection on paper: what each video shows and how it is tagged. A pure function of the options.
package struct CollectionPlan: Sendable {
  package enum Split: String, Sendable, Codable {
    case train, validation, test
  }

  /// What is wrong with a video's hashtags.
  package enum TagNoise: String, Sendable, Codable {
    /// The label's hashtags are there.
    case none
    /// Another label's instead.
    case wrong
    /// No label's.
    case missing
    /// The label's and another label's.
    case extra
  }

  package struct Video: Sendable {
    /// Path relative to the collection, such as "videos/000123.mp4".
    package let file: String
    package let label: ActionLabel
    /// What is shown in the second half; nil if all of it shows `label`.
    package let second: ActionLabel?
    package let split: Split
    package let noise: TagNoise
    /// The label that a wrong or extra hashtag names.
    package let noiseLabel: ActionLabel?
    /// With "#", in the order in which they were written.
    package let hashtags: [String]
    package let scene: Scene

    /// All that it shows.
    package var shown: [ActionLabel] { [label] + (second.map { [$0] } ?? []) }
  }

  package let labels: [ActionLabel]
  package let videos: [Video]

  /// - Throws: `SynthesisError` with code `invalidOption`.
  package init(_ options: SynthesisOptions) throws(SynthesisError) {
    try options.validate()
    let labels = Array(LabelVocabulary.labels(options.firstLabel + options.labels)[options.firstLabel...])
    let places = Self.places(options)
    let noises = Self.noises(places.map(\.split), options)
    self.labels = labels
    videos = places.enumerated().map { index, place in
      var random = RandomSource(options.seed, 0x7A65, UInt64(index))
      let label = labels[place.label]
      // Any label but the right one, all alike.
      let other =
        labels.count > 1 ? labels[(place.label + 1 + random.index(below: labels.count - 1)) % labels.count] : nil
      let noise = other == nil && noises[index] != .missing ? .none : noises[index]
      let noiseLabel = noise == .wrong || noise == .extra ? other : nil
      let second = Self.second(place.label, of: labels, unless: noiseLabel, index: index, options)
      var tagged: [ActionLabel] = noise == .wrong || noise == .missing ? [] : [label] + (second.map { [$0] } ?? [])
      if let noiseLabel { tagged.append(noiseLabel) }
      return Video(
        file: "videos/\(Self.sixDigits(index)).mp4", label: label, second: second, split: place.split, noise: noise,
        noiseLabel: noiseLabel, hashtags: Hashtags.draw(naming: tagged, showing: label, using: &random),
        scene: Scene(
          seed: options.seed, index: index, seconds: options.secondsRange, width: options.width,
          height: options.height))
    }
  }

  /// The label that the video's second half shows: another than the first and than the one that a wrong hashtag names.
  private static func second(
    _ first: Int, of labels: [ActionLabel], unless noise: ActionLabel?, index: Int, _ options: SynthesisOptions
  ) -> ActionLabel? {
    // A stream of its own: without such videos a collection is what it was before there were any.
    var random = RandomSource(options.seed, 0x5EC0, UInt64(index))
    guard random.chance(Float(options.multiLabelShare)) else { return nil }
    let others = labels.filter { $0 != labels[first] && $0 != noise }
    return others.isEmpty ? nil : random.pick(others)
  }

  /// Label and split of each video, in file order.
  private static func places(_ options: SynthesisOptions) -> [(label: Int, split: Split)] {
    let validation = options.resolvedValidationPerLabel
    let held = validation + options.testPerLabel
    var random = RandomSource(options.seed, 0x91A)
    // Which label is frequent is drawn, so that the two verbs of a pair are not neighbours in frequency.
    let ranks = random.permutation(options.labels)
    let counts = zipfCounts(
      total: options.videos - held * options.labels, labels: options.labels, exponent: options.zipfExponent)
    var places: [(label: Int, split: Split)] = []
    for label in 0..<options.labels {
      places += Array(repeating: (label, .train), count: counts[ranks[label]])
      places += Array(repeating: (label, .validation), count: validation)
      places += Array(repeating: (label, .test), count: options.testPerLabel)
    }
    return random.permutation(places.count).map { places[$0] }
  }

  /// Videos by frequency rank: one each, the rest in proportion to rank^-exponent by largest remainder.
  package static func zipfCounts(total: Int, labels: Int, exponent: Double) -> [Int] {
    let weights = (1...labels).map { pow(Double($0), -exponent) }
    let sum = weights.reduce(0, +)
    let shares = weights.map { Double(total - labels) * $0 / sum }
    var counts = shares.map { 1 + Int($0) }
    let byRemainder = shares.indices.sorted { a, b in
      let (left, right) = (shares[a] - shares[a].rounded(.down), shares[b] - shares[b].rounded(.down))
      return left == right ? a < b : left > right
    }
    for rank in byRemainder.prefix(total - counts.reduce(0, +)) { counts[rank] += 1 }
    return counts
  }

  /// The noise of each video: in each split exactly the wanted shares, rounded.
  private static func noises(_ splits: [Split], _ options: SynthesisOptions) -> [TagNoise] {
    var noises = [TagNoise](repeating: .none, count: splits.count)
    var random = RandomSource(options.seed, 0x70153)
    for split in [Split.train, .validation, .test] {
      let members = splits.indices.filter { splits[$0] == split }
      let order = random.permutation(members.count)
      var next = 0
      let kinds: [(TagNoise, Double)] = [
        (.wrong, options.wrongTagShare), (.missing, options.missingTagShare), (.extra, options.extraTagShare),
      ]
      for (kind, share) in kinds {
        let count = min(Int((share * Double(members.count)).rounded()), members.count - next)
        for place in order[next..<next + count] { noises[members[place]] = kind }
        next += count
      }
    }
    return noises
  }

  static func sixDigits(_ index: Int) -> String {
    let digits = String(index)
    return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }
}
