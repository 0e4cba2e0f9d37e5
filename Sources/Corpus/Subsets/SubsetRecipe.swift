/// How a subset is made of an index: the same index and recipe give the same videos on any machine.
package struct SubsetRecipe: Sendable, Codable, Equatable {
  package enum Choice: String, Sendable, Codable, CaseIterable {
    /// The first videos of a seeded order of all.
    case random
    /// As many of every label, as far as it has them: labels with few videos stay whole.
    case tailPreserving = "tail-preserving"
  }

  /// Lengths of videos in seconds, both ends included.
  package struct Lengths: Sendable, Codable, Equatable {
    package let least: Double
    package let most: Double

    package init(_ least: Double, _ most: Double) { (self.least, self.most) = (least, most) }

    func contains(_ seconds: Double) -> Bool { least <= seconds && seconds <= most }
  }

  package var choice: Choice
  package var seed: UInt64
  /// How many videos to train on; nil for all there are, or as many as `hours` hold.
  package var videos: Int?
  /// How long they are together at most, instead of their number.
  package var hours: Double?
  /// The labels to keep, in any order; nil for all.
  package var labels: [String]?
  /// Rows of the index that are left out, rising; nil for none.
  package var without: [Int]?
  /// Only videos of these lengths.
  package var lengths: Lengths?
  /// Of each label no more videos than it has of these lengths: the subset with the two exchanged has the same histogram.
  package var histogramOf: Lengths?
  /// Only the central part of each video.
  package var centerSeconds: Double?
  /// Only one frame of each video, by a seeded hash of its name.
  package var singleFrame: Bool

  package init(
    choice: Choice = .random, seed: UInt64 = 0, videos: Int? = nil, hours: Double? = nil, labels: [String]? = nil,
    without: [Int]? = nil, lengths: Lengths? = nil, histogramOf: Lengths? = nil, centerSeconds: Double? = nil,
    singleFrame: Bool = false
  ) {
    self.choice = choice
    self.seed = seed
    self.videos = videos
    self.hours = hours
    self.labels = labels
    self.without = without
    self.lengths = lengths
    self.histogramOf = histogramOf
    self.centerSeconds = centerSeconds
    self.singleFrame = singleFrame
  }

  private enum CodingKeys: String, CodingKey {
    case choice, seed, videos, hours, labels, without, lengths
    case histogramOf = "histogram_of"
    case centerSeconds = "center_seconds"
    case singleFrame = "single_frame"
  }

  /// What contradicts itself in it; nil for nothing.
  package var mistake: String? {
    if videos != nil, hours != nil { return "give a number of videos or of hours, not both" }
    if let videos, videos < 1 { return "the number of videos must be at least 1" }
    if let hours, !(hours > 0 && hours.isFinite) { return "the number of hours must be above 0" }
    if choice == .tailPreserving, videos == nil { return "a tail-preserving subset needs a number of videos" }
    if labels?.isEmpty == true { return "it keeps no label" }
    if let without, zip(without, without.dropFirst()).contains(where: { $0 >= $1 }) {
      return "the rows it leaves out must rise"
    }
    for lengths in [lengths, histogramOf] {
      if let lengths, !(0 <= lengths.least && lengths.least <= lengths.most && lengths.most.isFinite) {
        return "lengths must be from at least 0 to at least as much"
      }
    }
    if histogramOf != nil, lengths == nil { return "a histogram of other lengths needs lengths of its own" }
    if let centerSeconds, !(centerSeconds > 0 && centerSeconds.isFinite) { return "the centre must be above 0 seconds" }
    return nil
  }
}
