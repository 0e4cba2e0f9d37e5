internal import Glibc

/// The file that a path leads to, whether it is there yet or not: equal for all its spellings and links.
package struct FilePlace: Hashable, Sendable {
  private let device: UInt
  private let number: UInt
  /// Of a file that is not there, in its directory.
  private let name: String

  package init(_ path: String) {
    var status = stat()
    if stat(path, &status) == 0 {
      (device, number, name) = (UInt(status.st_dev), UInt(status.st_ino), "")
    } else if stat(Directory.parent(of: path) ?? (path.hasPrefix("/") ? "/" : "."), &status) == 0 {
      let last = path.split(separator: "/").last.map(String.init) ?? ""
      (device, number, name) = (UInt(status.st_dev), UInt(status.st_ino), last)
    } else {
      (device, number, name) = (0, 0, path)
    }
  }
}
