import Foundation

/// What a synthetic collection is like. Together with the libraries' versions it determines every byte of it, but for
/// `workers`, which changes nothing.
package struct SynthesisOptions: Sendable, Equatable {
  /// Number of videos of all splits together.
  package var videos = 300
  package var seed: UInt64 = 1
  /// Number of labels, of `LabelVocabulary`'s list.
  package var labels = 12
  /// Place of the first label in that list: collections with ranges that do not meet have no label in common.
  package var firstLabel = 0
  /// Durations in seconds, uniform in this range.
  package var secondsRange: ClosedRange<Double> = 5...5
  /// Frame size in pixels, even.
  package var width = 340
  package var height = 256
  /// Validation videos of each label; nil takes about a fifth of all videos.
  package var validationPerLabel: Int?
  /// Test videos of each label.
  package var testPerLabel = 0
  /// Share of videos whose label's hashtag is replaced by another label's.
  package var wrongTagShare = 0.06
  /// Share of videos without any label's hashtag.
  package var missingTagShare = 0.03
  /// Share of videos with a second label's hashtag besides the right one.
  package var extraTagShare = 0.06
  /// Share of videos that show two labels, one in each half.
  package var multiLabelShare = 0.0
  /// A collection with a manifest, of whose videos this one has copies to train on besides its own.
  package var copiesOf: String?
  /// Number of those.
  package var copies = 0
  /// Training videos of the k-th most frequent label are in proportion to k^-zipfExponent; 0 is an equal number.
  package var zipfExponent = 0.7
  /// Threads, each with a video of its own.
  package var workers = ProcessInfo.processInfo.activeProcessorCount

  package init() {}

  /// Sets the three noise shares from their sum, in the proportions of the defaults (2 : 1 : 2).
  package mutating func setNoise(_ total: Double) {
    wrongTagShare = total * 0.4
    missingTagShare = total * 0.2
    extraTagShare = total * 0.4
  }

  /// Validation videos of each label: what was asked for, or what about a fifth of the videos gives.
  var resolvedValidationPerLabel: Int {
    validationPerLabel ?? (videos >= 2 * labels ? max(1, videos / 5 / labels) : 0)
  }

  /// - Throws: `SynthesisError` naming the first option that is out of range.
  func validate() throws(SynthesisError) {
    try require((1...1_000_000).contains(videos), "videos is \(videos); give 1 to 1000000")
    let most = LabelVocabulary.maximumCount
    try require((1...most).contains(labels), "labels is \(labels); give 1 to \(most)")
    try require(
      (0...most - labels).contains(firstLabel),
      "the first label is \(firstLabel); with \(labels) labels give 0 to \(most - labels)")
    try require((0...1_000_000).contains(copies), "copies is \(copies); give 0 to 1000000")
    try require((copies > 0) == (copiesOf != nil), "copies need both a number and a collection that they are of")
    try require(
      secondsRange.lowerBound >= 0.5 && secondsRange.upperBound <= 3600,
      "seconds is \(secondsRange); give durations from 0.5 to 3600")
    for (name, value) in [("width", width), ("height", height)] {
      try require((32...4096).contains(value) && value % 2 == 0, "\(name) is \(value); give an even 32 to 4096")
    }
    for (name, value) in [("validation", validationPerLabel ?? 0), ("test", testPerLabel)] {
      try require((0...videos).contains(value), "\(name) videos per label is \(value); give 0 to \(videos)")
    }
    for (name, share) in [("wrong", wrongTagShare), ("missing", missingTagShare), ("extra", extraTagShare)] {
      try require((0...1).contains(share), "the share of \(name) hashtags is \(share); give 0 to 1")
    }
    try require((0...1).contains(multiLabelShare), "the share of two labels is \(multiLabelShare); give 0 to 1")
    let noise = wrongTagShare + missingTagShare + extraTagShare
    try require(noise <= 1 + 1e-9, "the shares of wrong, missing and extra hashtags sum to \(noise); give at most 1")
    try require((0...4).contains(zipfExponent), "the Zipf exponent is \(zipfExponent); give 0 to 4")
    let heldOut = (resolvedValidationPerLabel + testPerLabel) * labels
    try require(
      videos - heldOut >= labels,
      "\(videos) videos leave \(videos - heldOut) for training after \(heldOut) for validation and test; "
        + "\(labels) labels need one each: ask for \(heldOut + labels) videos or more")
  }

  private func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(SynthesisError) {
    if !condition { throw SynthesisError(.invalidOption, message()) }
  }
}
