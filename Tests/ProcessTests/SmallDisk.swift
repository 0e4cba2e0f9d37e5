import Foundation
import Glibc
import Testing

/// A disk of its own that can be filled: a tmpfs. Needs root.
struct SmallDisk {
  /// By which hosts.sh finds what a killed test left.
  private static let name = "sluice-faults"

  let path: String
  private var ballast: String { "\(path)/ballast" }

  init(megabytes: Int) throws {
    path = Workspace.shared.scratch().appendingPathComponent("disk").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try #require(
      mount(Self.name, path, "tmpfs", 0, "size=\(megabytes)m") == 0, "\(String(cString: strerror(errno)))")
  }

  /// Takes all the room that is left.
  func fill() throws {
    let descriptor = open(ballast, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let bytes = [UInt8](repeating: 0, count: 1 << 16)
    for count in [1 << 16, 1 << 10, 1] { while write(descriptor, bytes, count) > 0 {} }
  }

  func makeRoom() { unlink(ballast) }

  func remove() { umount2(path, Int32(MNT_DETACH)) }
}
