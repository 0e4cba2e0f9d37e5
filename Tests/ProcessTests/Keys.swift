import Foundation
import Testing

/// A key directory made by `sluice keys`.
struct Keys {
  let path: String

  init() throws {
    path = Workspace.shared.scratch().appendingPathComponent("keys").path
    try make([])
  }

  private init(path: String) { self.path = path }

  func make(_ arguments: [String]) throws {
    let made = try Sluice.run(["keys", "make", path] + arguments)
    try #require(made.status == 0, "\(made.stderr)")
  }

  func revoke(_ name: String) throws {
    let revoked = try Sluice.run(["keys", "revoke", path, name])
    try #require(revoked.status == 0, "\(revoked.stderr)")
  }

  /// What somebody else has: the coordinator's public key, and one secret key of `from` that is passed off as one of
  /// `role`.
  func elsewhere(_ role: String, secret: String, of name: String, in other: Keys? = nil) throws -> Keys {
    let path = Workspace.shared.scratch().appendingPathComponent("elsewhere").path
    let files = FileManager.default
    for folder in ["coordinator", role] {
      try files.createDirectory(atPath: "\(path)/\(folder)", withIntermediateDirectories: true)
    }
    try files.copyItem(atPath: "\(self.path)/coordinator/coordinator.key", toPath: "\(path)/coordinator/c.key")
    try files.copyItem(
      atPath: "\(other?.path ?? self.path)/\(secret)/\(name).key_secret", toPath: "\(path)/\(role)/x.key_secret")
    return Keys(path: path)
  }

  /// Every secret in the directory.
  func secrets() throws -> [String] {
    let files = try #require(FileManager.default.enumerator(atPath: path)).compactMap { $0 as? String }
    return try files.filter { $0.hasSuffix(".key_secret") }.map { file in
      let text = try String(contentsOfFile: "\(path)/\(file)", encoding: .utf8)
      let match = try #require(text.firstMatch(of: /secret-key = "(.{40})"/))
      return String(match.1)
    }
  }
}
