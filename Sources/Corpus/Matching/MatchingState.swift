internal import Files
internal import Foundation

/// How far a pass into an index has come, beside its sorted runs: what is needed to go on after an interruption.
struct MatchingState: Codable, Equatable {
  /// A file of metadata as it was at the beginning.
  struct Source: Codable, Equatable {
    let path: String
    let byteCount: Int
    let modifiedSeconds: Int
  }

  /// What another pass must have alike to go on with this one.
  struct Settings: Codable, Equatable {
    var version = 3
    let sources: [Source]
    let names: MetadataNames
    let seed: UInt64
    /// SHA-256 of the labels' lines.
    let labels: String
  }

  let settings: Settings
  var place = MatchingPass.Place()
  var report = MatchingReport()
  var runs = 0
  /// Bytes of the rejects' file.
  var rejectsByteCount = 0

  init(settings: Settings) { self.settings = settings }

  /// - Returns: nil if there is none.
  /// - Throws: `manifest` for one of other settings.
  static func read(path: String, settings: Settings) throws(CorpusError) -> MatchingState? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    guard let state = try? JSONDecoder().decode(MatchingState.self, from: data), state.settings == settings else {
      throw CorpusError(
        .manifest,
        "\(path): an unfinished pass over other files, or with other labels or settings; finish it (if no label had as many "
          + "videos as --minimum, with a lower one), or remove its directory"
      )
    }
    return state
  }

  func write(to path: String) throws(FileError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Nothing in it could not be written.
    try OutputFile.replace(path, with: (try? encoder.encode(self)) ?? Data())
  }
}
