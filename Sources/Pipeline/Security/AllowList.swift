import Foundation
import Glibc
import Synchronization

/// Which keys may enter now, as the key directory says: read again whenever a file there has changed. Thread-safe.
///
/// A directory that cannot be looked into for the moment leaves the list as it was; one that stays away is an empty list.
package final class AllowList: Sendable {
  private struct State {
    var keys: [KeyRole: Set<String>] = [:]
    var signatures: [KeyRole: [String]] = [:]
    var removals: [KeyRole: Int] = [:]
    /// Folders that were there; and since when they are not.
    var seen: Set<String> = []
    var missingSince: [String: Double] = [:]
    /// Keys of notes of revocation that were read.
    var notes: [String: String] = [:]
    var lookedAt = -Double.infinity
  }

  private let directory: KeyDirectory
  private let clock: @Sendable () -> Double
  private let state = Mutex(State())
  private static let lookSeconds = 0.5
  private static let missingSeconds = 1.0

  /// - Parameter clock: seconds that only rise.
  package init(_ directory: KeyDirectory, clock: @escaping @Sendable () -> Double = { Monotonic.seconds() }) {
    self.directory = directory
    self.clock = clock
  }

  /// Whether `key` may enter the sockets of `role`.
  /// - Parameter isFresh: look at the directory now; otherwise what it said up to half a second ago counts.
  package func allows(_ key: String, _ role: KeyRole, isFresh: Bool = false) -> Bool {
    state.withLock { state in
      look(&state, isFresh)
      return state.keys[role]?.contains(key) ?? false
    }
  }

  /// Rises whenever keys of `role` were taken off the list.
  package func removals(_ role: KeyRole) -> Int {
    state.withLock { state in
      look(&state, false)
      return state.removals[role] ?? 0
    }
  }

  private func look(_ state: inout State, _ isFresh: Bool) {
    let now = clock()
    guard isFresh || now - state.lookedAt >= Self.lookSeconds else { return }
    state.lookedAt = now
    for role in KeyRole.allCases {
      guard let allowed = files(role, .allowed, &state, now), let revoked = revokedFiles(&state, now),
        let signature = signature(allowed + revoked), signature != state.signatures[role],
        let found = read(allowed, &state), let taken = read(revoked, &state)
      else { continue }
      let keys = found.subtracting(taken)
      if !(state.keys[role] ?? []).isSubset(of: keys) { state.removals[role, default: 0] += 1 }
      state.keys[role] = keys
      state.signatures[role] = signature
    }
  }

  /// A role's files; nil while they cannot be told. A folder that was there and is away for a moment, as when it is replaced
  /// by another, is not empty yet.
  private func files(_ role: KeyRole, _ kind: KeyDirectory.Kind, _ state: inout State, _ now: Double) -> [String]? {
    let folder = directory.folder(role)
    switch directory.look(role, kind) {
    case .found(let names):
      state.seen.insert(folder)
      state.missingSince[folder] = nil
      return names.map { directory.file(role, $0, kind) }
    case .failed: return nil
    case .noFolder:
      guard state.seen.contains(folder) else { return [] }
      let since = state.missingSince[folder] ?? now
      state.missingSince[folder] = since
      return now - since >= Self.missingSeconds ? [] : nil
    }
  }

  /// A key may be revoked in any role; nil while the files cannot be told.
  private func revokedFiles(_ state: inout State, _ now: Double) -> [String]? {
    var all: [String] = []
    for role in KeyRole.allCases {
      guard let files = files(role, .revoked, &state, now) else { return nil }
      all += files
    }
    return all
  }

  /// Changes with every change of one of the files; nil when one cannot be looked at for the moment, or has just gone.
  private func signature(_ files: [String]) -> [String]? {
    var signature: [String] = []
    for file in files {
      var status = stat()
      guard lstat(file, &status) == 0 else { return nil }
      // What a link leads to counts, if there is anything.
      _ = stat(file, &status)
      signature.append("\(file) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)")
    }
    return signature
  }

  /// The keys in the files; nil when one cannot be read for the moment. A note of revocation that was damaged since it was
  /// read counts as it was; another file without a key lets nobody in.
  private func read(_ files: [String], _ state: inout State) -> Set<String>? {
    var keys: Set<String> = []
    for path in files {
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 || ![EMFILE, ENFILE, ENOMEM, EIO, ESTALE].contains(errno) else { return nil }
      let file = descriptor < 0 ? nil : FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
      let text = (try? file?.readToEnd()).flatMap { String(data: $0, encoding: .utf8) }
      let isNote = path.hasSuffix(".\(KeyDirectory.Kind.revoked.rawValue)")
      guard let key = text.flatMap(KeyFile.publicKey(in:)) ?? (isNote ? state.notes[path] : nil) else { continue }
      if isNote { state.notes[path] = key }
      keys.insert(key)
    }
    return keys
  }
}
