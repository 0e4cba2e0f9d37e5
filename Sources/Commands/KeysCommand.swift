package import ArgumentParser
import Foundation
import Pipeline

/// `sluice keys`: who may connect to a run whose links are encrypted.
package struct KeysCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "Make, list and revoke the keys of runs whose links are encrypted.",
    subcommands: [KeysMake.self, KeysList.self, KeysRevoke.self])

  package init() {}
}

extension KeyRole: ExpressibleByArgument {}

struct KeysMake: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "make", abstract: "Make a key of each role, named after it; or one key with --role and --name.")

  @Argument(help: "The key directory.")
  var directory: String

  @Option(help: "coordinator, worker, operator or tap.")
  var role: KeyRole?

  @Option(help: "Letters, digits, - and _. A worker's key may have the name of its host. (default: the role)")
  var name: String?

  @OptionGroup var json: JSONOutput

  func validate() throws {
    guard name == nil || role != nil else { throw ValidationError("--name needs --role") }
  }

  func run() async throws {
    let keys = KeyDirectory(path: directory)
    for role in role.map({ [$0] }) ?? KeyRole.allCases { try keys.make(role, name: name ?? role.rawValue) }
    try KeysList.print(keys, json)
  }
}

struct KeysList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the keys of a directory.")

  @Argument(help: "The key directory.")
  var directory: String

  @OptionGroup var json: JSONOutput

  func run() async throws {
    try Self.print(KeyDirectory(path: directory), json)
  }

  /// Files that cannot be read are warnings: the others are as good without them.
  static func print(_ keys: KeyDirectory, _ json: JSONOutput) throws {
    let (list, problems) = try keys.list()
    for problem in problems { FileHandle.standardError.write(Data("warning: \(problem)\n".utf8)) }
    try json.print(list, text: list.isEmpty ? "no keys in \(keys.path)" : text(list))
  }

  private static func text(_ list: [KeyDirectory.Entry]) -> String {
    list.map { entry in
      let state = entry.isRevoked ? "revoked" : "may enter"
      return "\(entry.role.padded(to: 12))\(entry.name.padded(to: 16))\(state.padded(to: 10))\(entry.publicKey)"
        + (entry.isOwn ? "  secret here" : "")
    }
    .joined(separator: "\n")
  }
}

struct KeysRevoke: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke",
    abstract: "Take a key off the list. Do so in the key directory of every host; live runs notice within a second.")

  @Argument(help: "The key directory.")
  var directory: String

  @Argument(help: "The key's name.")
  var name: String

  @Option(help: "Its role, where several roles have a key of that name.")
  var role: KeyRole?

  @OptionGroup var json: JSONOutput

  func run() async throws {
    let keys = KeyDirectory(path: directory)
    try keys.revoke(name, role: role)
    try KeysList.print(keys, json)
  }
}
