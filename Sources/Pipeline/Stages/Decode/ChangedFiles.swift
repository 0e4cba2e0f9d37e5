import Foundation
import Video

/// Files that were written to after the corpus was built, though they kept their size: the first sight of each is worth a
/// warning in each process. Another size is a verdict. Used on one thread.
struct ChangedFiles {
  /// More are not named: something touched the whole collection.
  private static let mostNamed = 100

  private var named: Set<String> = []

  /// - Returns: a warning, once a file; of a shard's members, once a shard.
  mutating func warning(of path: String, modifiedSeconds: Int?) -> String? {
    guard named.count <= Self.mostNamed, let expected = modifiedSeconds,
      let found = VideoLocation(path).modifiedSeconds, found != expected
    else { return nil }
    let file = VideoLocation(path).filePath ?? path
    guard named.insert(file).inserted else { return nil }
    if named.count > Self.mostNamed { return "warning: more files were changed since the corpus was built" }
    return
      "warning: \(file): changed at \(text(found)), after the corpus was built (\(text(expected)) then); if what it "
      + "shows is another, build the corpus again"
  }

  private func text(_ seconds: Int) -> String { Date(timeIntervalSince1970: Double(seconds)).ISO8601Format() }
}
