internal import Foundation

/// The files below a directory by their names without extension, whatever folders the data set came in.
struct VideoTree {
  let root: String
  /// Paths relative to the root, sorted, by lower-case name: annotations and files do not always agree on case.
  private var paths: [String: [String]] = [:]

  /// - Throws: `manifest` if there is no such directory.
  init(root: String) throws(CorpusError) {
    self.root = root.hasPrefix("/") ? root : FileManager.default.currentDirectoryPath + "/" + root
    guard let files = FileManager.default.enumerator(atPath: root) else {
      throw CorpusError(.manifest, "\(root): no such directory of videos")
    }
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: root, isDirectory: &isDirectory), isDirectory.boolValue else {
      throw CorpusError(.manifest, "\(root): no such directory of videos")
    }
    for case let path as String in files where Shards.isVideo(path) {
      let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension.lowercased()
      paths[name, default: []].append(path)
    }
    for name in paths.keys { paths[name]!.sort() }
  }

  /// The file of a name, in full.
  ///
  /// - Parameters:
  ///   - stem: without extension.
  ///   - folders: of several files of the name, one in the most of these folders is taken.
  /// - Returns: nil if there is none.
  func path(_ stem: String, folders: [String] = []) -> String? {
    guard let found = paths[stem.lowercased()] else { return nil }
    let wanted = Set(folders.map(Self.folder))
    let best = found.max { left, right in
      let (own, other) = (Self.count(left, wanted), Self.count(right, wanted))
      return own == other ? left > right : own < other
    }
    return best.map { root + "/" + $0 }
  }

  private static func count(_ path: String, _ folders: Set<String>) -> Int {
    path.split(separator: "/").dropLast().count { folders.contains(folder(String($0))) }
  }

  /// `riding a bike`, `riding_a_bike` and `Riding_A_Bike` are one folder.
  private static func folder(_ name: String) -> String { name.lowercased().replacingOccurrences(of: "_", with: " ") }
}
