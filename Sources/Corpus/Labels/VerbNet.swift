internal import Foundation
internal import FoundationXML

/// The verbs of VerbNet: XML files of a class each, whose members are in `<MEMBER name="…"/>` of the class and its subclasses.
package enum VerbNet {
  /// Distinct verbs in the order of their bytes; those of several words have spaces.
  ///
  /// - Parameter path: a file, or a directory whose `.xml` files are read.
  /// - Throws: `manifest` naming the file and what is wrong in it.
  package static func verbs(path: String) throws(CorpusError) -> [Label] {
    var verbs: Set<String> = []
    for file in try files(path) { verbs.formUnion(try members(file)) }
    guard !verbs.isEmpty else { throw CorpusError(.manifest, "\(path): no verb of VerbNet's format in it") }
    return verbs.sorted().map { Label($0) }
  }

  private static func files(_ path: String) throws(CorpusError) -> [String] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { return [path] }
    let files = names.filter { $0.hasSuffix(".xml") }.sorted().map { "\(path)/\($0)" }
    guard !files.isEmpty else { throw CorpusError(.manifest, "\(path): has no .xml file; give VerbNet's directory") }
    return files
  }

  private static func members(_ file: String) throws(CorpusError) -> Set<String> {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw CorpusError(.manifest, "\(file): cannot be read")
    }
    let parser = XMLParser(data: try utf8(data, file))
    let reader = MemberReader()
    parser.delegate = reader
    guard parser.parse() else {
      let reason = parser.parserError.map { ": \($0.localizedDescription)" } ?? ""
      throw CorpusError(.manifest, "\(file):\(parser.lineNumber): not XML\(reason)")
    }
    guard let root = reader.root else { throw CorpusError(.manifest, "\(file): no XML in it") }
    guard root == "VNCLASS" else {
      throw CorpusError(.manifest, "\(file): begins with <\(root)>; a class of VerbNet with <VNCLASS>")
    }
    // The parser does not mind.
    guard reader.depth == 0 else { throw CorpusError(.manifest, "\(file):\(parser.lineNumber): the XML is cut") }
    return reader.members
  }

  /// The file in UTF-8: FoundationXML traps on a name or comment in anything else, and on what is declared falsely.
  private static func utf8(_ data: Data, _ file: String) throws(CorpusError) -> Data {
    if String(validating: data, as: UTF8.self) != nil { return data }
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let declaration = String(decoding: lines.first ?? Data(), as: UTF8.self)
    guard let found = declaration.firstMatch(of: /^<\?xml[^>]*encoding=["']([^"']+)["'][^>]*\?>/),
      let encoding = encodings[found.1.lowercased()],
      let text = String(data: data, encoding: encoding)
    else {
      let line = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
      throw CorpusError(.manifest, "\(file):\(line + 1): not UTF-8, and no other encoding that is known is declared")
    }
    return Data(text.replacing(found.1, with: "UTF-8", maxReplacements: 1).utf8)
  }

  private static let encodings: [String: String.Encoding] = [
    "iso-8859-1": .isoLatin1, "latin1": .isoLatin1, "iso-8859-2": .isoLatin2, "windows-1252": .windowsCP1252,
  ]

  private final class MemberReader: NSObject, XMLParserDelegate {
    var root: String?
    var depth = 0
    var members: Set<String> = []

    func parser(
      _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      depth += 1
      if root == nil { root = element }
      guard element == "MEMBER", let name = attributes["name"] else { return }
      let verb = name.replacingOccurrences(of: "_", with: " ").lowercased()
      if !LabelPhrase(verb).words.isEmpty { members.insert(verb) }
    }

    func parser(
      _ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?
    ) {
      depth -= 1
    }
  }
}
