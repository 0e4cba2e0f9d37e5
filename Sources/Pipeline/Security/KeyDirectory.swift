import Files
import Foundation
import Glibc
package import ZeroMQ

/// A directory of keys: a folder a role, in it `NAME.key` (public: may enter), `NAME.key_secret` (this host's own, mode
/// 0600) and `NAME.revoked` (public: may not enter any more).
package struct KeyDirectory: Sendable {
  package struct Entry: Sendable, Codable, Equatable {
    package var role: String
    package var name: String
    package var publicKey: String
    package var isRevoked: Bool
    /// Whether its secret half is here.
    package var isOwn: Bool

    enum CodingKeys: String, CodingKey {
      case role, name
      case publicKey = "public_key"
      case isRevoked = "revoked"
      case isOwn = "secret_here"
    }
  }

  package let path: String

  package init(path: String) { self.path = path }

  /// Makes a key pair.
  /// - Throws: `.keys` when the name is taken in any role, is not a name, or the files cannot be written.
  package func make(_ role: KeyRole, name: String) throws(PipelineError) {
    guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }) else {
      throw PipelineError(.keys, "`\(name)`: a key's name has letters, digits, - and _ only")
    }
    if let taken = try list().first(where: { $0.name == name }) {
      throw PipelineError(
        .keys, "\(path): there is a key \(name) of the role \(taken.role) already; choose another name")
    }
    do {
      let keys = try CurveKeys.make()
      try Directory.make(path, mode: 0o700)
      try Directory.make(folder(role), mode: 0o700)
      let secret = KeyFile.text(name: name, role: role, publicKey: keys.publicKey, secretKey: keys.secretKey)
      let open = KeyFile.text(name: name, role: role, publicKey: keys.publicKey, secretKey: nil)
      // The secret first: a key that may enter is one that somebody has.
      try OutputFile.replace(file(role, name, .secret), with: secret.utf8, mode: 0o600)
      try OutputFile.replace(file(role, name, .allowed), with: open.utf8)
    } catch {
      throw PipelineError(.keys, "\(error)")
    }
  }

  /// Every key, by role and name.
  /// - Throws: `.keys` when a file cannot be read.
  package func list() throws(PipelineError) -> [Entry] {
    var entries: [Entry] = []
    for role in KeyRole.allCases {
      let own = Set(names(role, .secret))
      for kind in [Kind.allowed, .revoked] {
        for name in names(role, kind) {
          entries.append(
            Entry(
              role: role.rawValue, name: name, publicKey: try KeyFile.publicKey(file(role, name, kind)),
              isRevoked: kind == .revoked, isOwn: own.contains(name)))
        }
      }
    }
    return entries
  }

  /// Takes a key off the list of those who may enter; live runs that read this directory notice within a second.
  /// - Throws: `.keys` when there is no such key that may enter.
  package func revoke(_ name: String) throws(PipelineError) {
    guard let role = KeyRole.allCases.first(where: { names($0, .allowed).contains(name) }) else {
      throw PipelineError(.keys, "\(path): no key \(name) that may enter; `sluice keys list` shows them")
    }
    guard rename(file(role, name, .allowed), file(role, name, .revoked)) == 0 else {
      throw PipelineError(.keys, "\(file(role, name, .allowed)): \(String(cString: strerror(errno)))")
    }
  }

  /// This host's own key of a role: the one called `name` if it is there, else the one called like the role, else the
  /// only one.
  package func own(_ role: KeyRole, name: String? = nil) throws(PipelineError) -> CurveKeys {
    let names = names(role, .secret)
    for name in [name, role.rawValue].compactMap({ $0 }) where names.contains(name) {
      return try KeyFile.keys(file(role, name, .secret))
    }
    guard names.count == 1 else {
      let found = names.isEmpty ? "none" : names.joined(separator: ", ")
      let wanted = name.map { " and none is called \($0)" } ?? ""
      throw PipelineError(
        .keys, "\(folder(role)): one secret key is needed there; found \(found)\(wanted); see `sluice keys make`")
    }
    return try KeyFile.keys(file(role, names[0], .secret))
  }

  /// The coordinator's public key.
  package func coordinator() throws(PipelineError) -> String {
    let names = names(.coordinator, .allowed)
    guard names.count == 1 else {
      let found = names.isEmpty ? "none" : names.joined(separator: ", ")
      throw PipelineError(.keys, "\(folder(.coordinator)): one public key is needed there; found \(found)")
    }
    return try KeyFile.publicKey(file(.coordinator, names[0], .allowed))
  }

  enum Kind: String { case allowed = "key", secret = "key_secret", revoked }

  func folder(_ role: KeyRole) -> String { "\(path)/\(role.rawValue)" }

  func file(_ role: KeyRole, _ name: String, _ kind: Kind) -> String { "\(folder(role))/\(name).\(kind.rawValue)" }

  func names(_ role: KeyRole, _ kind: Kind) -> [String] {
    if case .found(let names) = look(role, kind) { names } else { [] }
  }

  /// What a look into a role's folder shows.
  enum Look {
    case found([String])
    case noFolder
    /// For a reason that may pass: too many open files, or a file system that does not answer.
    case failed
  }

  func look(_ role: KeyRole, _ kind: Kind) -> Look {
    guard let folder = opendir(folder(role)) else { return errno == ENOENT || errno == ENOTDIR ? .noFolder : .failed }
    defer { closedir(folder) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(folder) {
      let file = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if file.hasSuffix(".\(kind.rawValue)") { names.append(String(file.dropLast(kind.rawValue.count + 1))) }
    }
    return errno == 0 ? .found(names.sorted()) : .failed
  }
}
