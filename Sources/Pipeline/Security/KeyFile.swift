import Files
import Foundation
import Glibc
import ZeroMQ

/// A key on disk, in the certificate format of CZMQ, which pyzmq's `zmq.auth.load_certificate` reads too.
enum KeyFile {
  static func text(name: String, role: KeyRole, publicKey: String, secretKey: String?) -> String {
    let kind = secretKey == nil ? "A public key: give it to others." : "A SECRET key: it stays on this host."
    return """
      # \(kind)
      metadata
          name = "\(name)"
          role = "\(role.rawValue)"
      curve
          public-key = "\(publicKey)"

      """ + (secretKey.map { "    secret-key = \"\($0)\"\n" } ?? "")
  }

  /// - Throws: `.keys` naming the file when it cannot be read or holds no key.
  static func publicKey(_ path: String) throws(PipelineError) -> String {
    guard let key = publicKey(in: try text(path)) else {
      throw PipelineError(.keys, "\(path): no public key in it; `sluice keys make` writes such files")
    }
    return key
  }

  static func publicKey(in text: String) -> String? {
    field("public-key", text).flatMap { CurveKeys.isKey($0) ? $0 : nil }
  }

  /// - Throws: `.keys` naming the file, also when others than its owner may read it.
  static func keys(_ path: String) throws(PipelineError) -> CurveKeys {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw PipelineError(.keys, "\(path): \(String(cString: strerror(errno)))")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw PipelineError(.keys, "\(path): others than its owner may read this secret; chmod 600 it")
    }
    guard let secret = field("secret-key", try text(path)) else {
      throw PipelineError(.keys, "\(path): no secret key in it; `sluice keys make` writes such files")
    }
    do {
      return try CurveKeys(publicKey: try publicKey(path), secretKey: secret)
    } catch let error as PipelineError {
      throw error
    } catch {
      throw PipelineError(.keys, "\(path): \(error)")
    }
  }

  private static func text(_ path: String) throws(PipelineError) -> String {
    do {
      return try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
    } catch {
      throw PipelineError(.keys, "\(path): cannot be read; it should be a key's file")
    }
  }

  private static func field(_ name: String, _ text: String) -> String? {
    for line in text.split(separator: "\n") {
      let sides = line.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      guard sides.count == 2, sides[0] == name else { continue }
      return sides[1].trimmingCharacters(in: CharacterSet(charactersIn: "\"'"))
    }
    return nil
  }
}
