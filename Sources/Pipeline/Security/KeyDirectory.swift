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
    let taken = KeyRole.allCases.first { role in
      [Kind.allowed, .revoked].contains { names(role, $0).contains(name) }
    }
    if let taken {
      throw PipelineError(
        .keys, "\(path): there is a key \(name) of the role \(taken.rawValue) already; choose another name")
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
  /// - Returns: and what is wrong with files that cannot be read; they let nobody in.
  /// - Throws: `.keys` when there is no such directory.
  package func list() throws(PipelineError) -> (entries: [Entry], problems: [PipelineError]) {
    guard Directory.isThere(path) else {
      throw PipelineError(.keys, "\(path): no such directory; `sluice keys make` makes one")
    }
    let revoked = revokedKeys
    var entries: [Entry] = []
    var problems: [PipelineError] = []
    for role in KeyRole.allCases {
      let own = Set(names(role, .secret))
      for kind in [Kind.allowed, .revoked] {
        for name in names(role, kind) {
          do throws(PipelineError) {
            let key = try KeyFile.publicKey(file(role, name, kind))
            entries.append(
              Entry(
                role: role.rawValue, name: name, publicKey: key, isRevoked: revoked.contains(key),
                isOwn: own.contains(name)))
          } catch {
            problems.append(error)
          }
        }
      }
    }
    return (entries, problems)
  }

  /// Public keys that were revoked, in whatever role: they may not enter by another file, either.
  var revokedKeys: Set<String> {
    Set(
      KeyRole.allCases.flatMap { role in
        names(role, .revoked).compactMap { try? KeyFile.publicKey(file(role, $0, .revoked)) }
      })
  }

  /// Takes a key off the list of those who may enter, under every name it has there; live runs that read this directory
  /// notice within a second.
  /// - Parameter role: needed where several roles have a key of that name.
  /// - Throws: `.keys` when there is no such key that may enter, or it is not clear which is meant.
  package func revoke(_ name: String, role: KeyRole? = nil) throws(PipelineError) {
    let roles = KeyRole.allCases.filter { (role ?? $0) == $0 && names($0, .allowed).contains(name) }
    guard let found = roles.first else {
      throw PipelineError(.keys, "\(path): no key \(name) that may enter; `sluice keys list` shows them")
    }
    guard roles.count == 1 else {
      let list = roles.map(\.rawValue).joined(separator: ", ")
      throw PipelineError(.keys, "\(path): the roles \(list) have a key \(name); say which by --role")
    }
    let key = try? KeyFile.publicKey(file(found, name, .allowed))
    // The one that is named comes last: should another fail, the command can be given again.
    for role in KeyRole.allCases {
      for other in names(role, .allowed) where (role, other) != (found, name) {
        guard let key, key == (try? KeyFile.publicKey(file(role, other, .allowed))) else { continue }
        try revokeFile(role, other)
      }
    }
    try revokeFile(found, name)
  }

  /// The note of another key of that name, revoked before, stays.
  private func revokeFile(_ role: KeyRole, _ name: String) throws(PipelineError) {
    let taken = Set(names(role, .revoked))
    let free = taken.contains(name) ? (2...).lazy.map { "\(name)-\($0)" }.first { !taken.contains($0) }! : name
    guard rename(file(role, name, .allowed), file(role, free, .revoked)) == 0 else {
      throw PipelineError(.keys, "\(file(role, name, .allowed)): \(String(cString: strerror(errno)))")
    }
  }

  /// A host's own key of a role: the one called like the host if it is there, else the one called like the role, else the
  /// only one.
  package func own(_ role: KeyRole, host: String? = nil) throws(PipelineError) -> CurveKeys {
    let names = names(role, .secret)
    for name in [host, role.rawValue].compactMap({ $0 }) where names.contains(name) {
      return try KeyFile.keys(file(role, name, .secret))
    }
    guard names.count == 1 else {
      let found = names.isEmpty ? "none" : names.joined(separator: ", ")
      let wanted = host.map { " and none is called \($0)" } ?? ""
      throw PipelineError(
        .keys, "\(folder(role)): one secret key is needed there; found \(found)\(wanted); see `sluice keys make`")
    }
    return try KeyFile.keys(file(role, names[0], .secret))
  }

  /// This host's own key of a role and name.
  package func own(_ role: KeyRole, named name: String) throws(PipelineError) -> CurveKeys {
    let names = names(role, .secret)
    guard names.contains(name) else {
      let found = names.isEmpty ? "none" : names.joined(separator: ", ")
      throw PipelineError(.keys, "\(folder(role)): no secret key \(name) there; found \(found)")
    }
    return try KeyFile.keys(file(role, name, .secret))
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
