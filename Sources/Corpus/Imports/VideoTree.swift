internal import Foundation
internal import Glibc

/// The files below a directory by their names without extension, whatever folders the data set came in.
struct VideoTree {
  let root: String
  private let ignoresCase: Bool
  /// Paths relative to the root, sorted, by the key of their names.
  private var paths: [String: [String]] = [:]
  /// Paths of the folders that cannot be listed, sorted.
  private(set) var unreadable: [String] = []

  /// - Parameter ignoresCase: for annotations and files that do not always agree on case; a file of the exact name is preferred.
  /// - Throws: `manifest` if there is no such directory.
  init(root: String, ignoresCase: Bool) throws(CorpusError) {
    self.root = root.hasPrefix("/") ? root : FileManager.default.currentDirectoryPath + "/" + root
    self.ignoresCase = ignoresCase
    guard let entry = Entry(self.root), entry.isDirectory else {
      throw CorpusError(.manifest, "\(root): no such directory of videos")
    }
    addVideos()
    for key in paths.keys { paths[key]!.sort() }
    unreadable.sort()
  }

  /// Every real directory is looked into once: under its own name if it lies in the root, else under that of a link to it.
  private mutating func addVideos() {
    var seen: Set<Entry.Identity> = []
    var folders = [""]
    var links: [String] = []
    while let folder = folders.popLast() ?? links.popLast() {
      guard let directory = Entry("\(root)/\(folder)"), seen.insert(directory.identity).inserted else { continue }
      guard let names = try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)") else {
        unreadable.append("\(root)/\(folder)")
        continue
      }
      for name in names {
        let path = folder.isEmpty ? name : "\(folder)/\(name)"
        guard let entry = Entry("\(root)/\(path)") else { continue }
        if !entry.isDirectory {
          if Shards.isVideo(name) { paths[key((name as NSString).deletingPathExtension), default: []].append(path) }
        } else if entry.isLink {
          links.append(path)
        } else {
          folders.append(path)
        }
      }
      // Among links to one directory the first by name.
      if folders.isEmpty { links.sort(by: >) }
    }
  }

  /// What a path leads to.
  private struct Entry {
    struct Identity: Hashable {
      let device: UInt
      let number: UInt
    }

    let identity: Identity
    let isDirectory: Bool
    let isLink: Bool

    /// - Returns: nil for what is not there, as behind a broken link.
    init?(_ path: String) {
      var status = Glibc.stat()
      guard lstat(path, &status) == 0 else { return nil }
      isLink = status.st_mode & S_IFMT == S_IFLNK
      if isLink { guard stat(path, &status) == 0 else { return nil } }
      identity = Identity(device: UInt(status.st_dev), number: UInt(status.st_ino))
      isDirectory = status.st_mode & S_IFMT == S_IFDIR
    }
  }

  private func key(_ stem: String) -> String { ignoresCase ? stem.lowercased() : stem }

  /// The file of a name, in full.
  ///
  /// - Parameters:
  ///   - stem: without extension.
  ///   - folders: of several files of the name, one in the most of these folders is taken.
  /// - Returns: nil if there is none.
  func path(_ stem: String, folders: [String] = []) -> String? {
    guard var found = paths[key(stem)] else { return nil }
    let exact = found.filter { (($0 as NSString).lastPathComponent as NSString).deletingPathExtension == stem }
    if !exact.isEmpty { found = exact }
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
