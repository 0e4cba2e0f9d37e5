/// What `sluice corpus build` did.
package struct CorpusBuildReport: Sendable, Codable, Equatable {
  /// A row of the manifest that is not in the index.
  package struct LeftOut: Sendable, Codable, Equatable {
    /// Line of the manifest, from 1.
    package let line: Int
    package let file: String
    package let reason: String
  }

  /// Rows of the manifest.
  package internal(set) var rows = 0
  /// Those of them with a label whose files an interrupted call had opened.
  package internal(set) var before = 0
  /// Videos in the index.
  package internal(set) var videos = 0
  /// Videos by split: train, validation, test.
  package internal(set) var splits: [String: Int] = [:]
  /// Videos by how their frames are found: table, probe, linear (see `FrameAccess`).
  package internal(set) var access: [String: Int] = [:]
  package internal(set) var labels = 0
  package internal(set) var labelsWithoutVideos = 0
  /// Labels of the list with too few videos to be kept.
  package internal(set) var labelsDropped = 0
  /// Rows with a label whose video cannot be used, in manifest order: the first ten thousand.
  package internal(set) var leftOut: [LeftOut] = []
  /// How many there are.
  package internal(set) var leftOutCount = 0
  /// Rows that carry no label of the list.
  package internal(set) var unmatched = 0
  /// Whole sentences for people.
  package internal(set) var warnings: [String] = []
  package internal(set) var fingerprint = ""

  private enum CodingKeys: String, CodingKey {
    case rows, before, videos, splits, access, labels, unmatched, warnings, fingerprint
    case labelsWithoutVideos = "labels_without_videos"
    case labelsDropped = "labels_dropped"
    case leftOut = "left_out"
    case leftOutCount = "left_out_count"
  }
}
