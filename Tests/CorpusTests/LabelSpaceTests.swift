import Corpus
import Foundation
import Testing

/// A class of VerbNet as its files are: members with sense keys, subclasses, frames whose elements are no members.
private let runClass = """
  <?xml version="1.0" encoding="UTF-8"?>
  <!DOCTYPE VNCLASS SYSTEM "vn_class-3.dtd">
  <VNCLASS ID="run-51.3.2" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
    <MEMBERS>
      <MEMBER name="amble" wn="amble%2:38:00" grouping=""/>
      <MEMBER name="carry_on" wn="" grouping="carry.03"/>
    </MEMBERS>
    <THEMROLES><THEMROLE type="Theme"><SELRESTRS/></THEMROLE></THEMROLES>
    <FRAMES><FRAME><EXAMPLES><EXAMPLE>The horse jumped.</EXAMPLE></EXAMPLES></FRAME></FRAMES>
    <SUBCLASSES>
      <VNSUBCLASS ID="run-51.3.2-1">
        <MEMBERS><MEMBER name="jump" wn="jump%2:38:00"/><MEMBER name="amble" wn=""/></MEMBERS>
      </VNSUBCLASS>
    </SUBCLASSES>
  </VNCLASS>
  """

@Suite struct LabelSpaceTests {
  private let scratch: Collection

  init() throws { scratch = try Collection(manifest: []) }

  private func file(_ name: String, _ text: String) throws -> String {
    try scratch.write(text, to: name)
    return "\(scratch.directory)/\(name)"
  }

  @Test func aLabelFileMayGiveSeveralPhrases() throws {
    let path = try file(
      "l.txt", "\u{FEFF}# comment\ncatching a fish\n\n #fishing\r\ngoldfish\tgoldfish\tCarassius auratus \n dog\t \n")
    let labels = try LabelList.labels(path: path)
    #expect(
      labels == [
        Label("catching a fish"), Label("goldfish", phrases: ["goldfish", "Carassius auratus"]), Label("dog"),
      ])
    #expect(labels[1].hashtags.isSuperset(of: ["goldfish", "carassiusauratus", "auratuscarassius"]))
    #expect(labels.map(\.line) == ["catching a fish", "goldfish\tgoldfish\tCarassius auratus", "dog"])
  }

  @Test func verbsAreTheMembersOfAClassAndItsSubclasses() throws {
    let path = try file("run-51.3.2.xml", runClass)
    #expect(try VerbNet.verbs(path: path).map(\.name) == ["amble", "carry on", "jump"])
    _ = try file("eat-39.1.xml", "<VNCLASS ID='eat-39.1'><MEMBERS><MEMBER name='eat'/></MEMBERS></VNCLASS>")
    let verbs = try VerbNet.verbs(path: scratch.directory)
    #expect(verbs.map(\.name) == ["amble", "carry on", "eat", "jump"])
    let used = LabelSpace.verbs(verbs, of: [Label("jumping into pool"), Label("carrying a baby on back")])
    #expect(used.map(\.name) == ["carry on", "jump"])
  }

  @Test(arguments: [
    ("<VNCLASS><MEMBERS>", "the XML is cut"), ("<VNCLASS></MEMBERS>", ":1: not XML"), ("<html/>", "begins with <html>"),
    ("", "no XML"),
    ("<VNCLASS ID='x'/>", "no verb"),
  ])
  func whatIsNotVerbNetSaysSo(text: String, reason: String) throws {
    let path = try file("bad.xml", text)
    let error = corpusError { _ = try VerbNet.verbs(path: path) }
    #expect(error?.message.hasPrefix(path) == true && error?.message.contains(reason) == true, "\(error as Any)")
  }

  @Test(arguments: [nil, "UTF-8", "US-ASCII", "KOI-9", "ISO-8859-1", "windows-1252"])
  func bytesThatAreNotUTF8AreTheDeclaredEncodings(encoding: String?) throws {
    let path = try file("bytes.xml", "")
    let declaration = encoding.map { "<?xml version='1.0' encoding='\($0)'?>\n" } ?? "\n"
    let text = "<VNCLASS><!-- a café --><MEMBERS><MEMBER name='flambé'/></MEMBERS></VNCLASS>"
    try Data(declaration.utf8 + text.data(using: .isoLatin1)!).write(to: URL(fileURLWithPath: path))
    if encoding == "ISO-8859-1" || encoding == "windows-1252" {
      #expect(try VerbNet.verbs(path: path).map(\.name) == ["flambé"])
    } else {
      let error = corpusError { _ = try VerbNet.verbs(path: path) }
      #expect(error?.message.hasPrefix("\(path):2: not UTF-8") == true, "\(error as Any)")
    }
  }

  /// Synsets of ImageNet in Debian's package wordnet-base, which `scripts/test` installs.
  @Test func nounsAreTheWordsOfSynsets() throws {
    let path = try file(
      "synsets.txt", "n01440764 tench, Tinca tinca\nn01443537\n# comment\nn02012849 crane\nn03126707 crane\n")
    let wordNet = try WordNet(directory: WordNet.standardDirectory)
    #expect(
      try wordNet.nouns(synsetsFile: path, grouping: .words).map(\.name) == [
        "tench", "Tinca tinca", "goldfish", "Carassius auratus", "crane",
      ])
    let synsets = try wordNet.nouns(synsetsFile: path, grouping: .synsets)
    #expect(
      synsets == [
        Label("tench n01440764", phrases: ["tench", "Tinca tinca"]),
        Label("goldfish n01443537", phrases: ["goldfish", "Carassius auratus"]),
        Label("crane n02012849", phrases: ["crane"]), Label("crane n03126707", phrases: ["crane"]),
      ])
    #expect(LabelList(synsets).collisions.map(\.tag) == ["crane"])
  }

  @Test(arguments: ["n01440765", "n99999999", "dog", "n", "n-5", "n0"])
  func whatIsNoSynsetNamesItsLine(id: String) throws {
    let path = try file("synsets.txt", "n01440764\n\(id)\n")
    let wordNet = try WordNet(directory: WordNet.standardDirectory)
    let error = corpusError { _ = try wordNet.nouns(synsetsFile: path, grouping: .words) }
    #expect(error?.message.hasPrefix("\(path):2: \"\(id)\"") == true)
  }

  @Test func productsHaveThePhrasesOfBoth() {
    let product = LabelSpace.product(
      [Label("catch"), Label("eat")], [Label("fish n1", phrases: ["fish", "tench"]), Label("dog")])
    #expect(product.map(\.name) == ["catch fish n1", "catch dog", "eat fish n1", "eat dog"])
    #expect(product[0].phrases == ["catch fish", "catch tench"])
    #expect(product[0].hashtags == ["catchfish", "fishcatch", "catchtench", "tenchcatch"])
  }

  @Test func samplesNestWhateverTheOrderOfTheFile() {
    let labels = (0..<10_653).map { Label("label \($0)") }
    let sizes = [675, 1350, 2700, 5400, 10_653]
    let samples = sizes.map { LabelSpace.sample(labels, count: $0, seed: 7) }
    #expect(samples.map(\.count) == sizes)
    for (small, large) in zip(samples, samples.dropFirst()) { #expect(Array(large.prefix(small.count)) == small) }
    #expect(LabelSpace.sample(labels.reversed(), count: 675, seed: 7) == samples[0])
    #expect(LabelSpace.sample(labels, count: 675, seed: 8) != samples[0])
    // The same on every machine.
    #expect(samples[0].prefix(3).map(\.name) == ["label 4836", "label 6093", "label 372"])
  }

  @Test func labelsWithFewVideosAreDropped() throws {
    let rows =
      (0..<5).map { line("f\($0).mp4", tags: ["fish"]) } + [
        line("both.mp4", tags: ["fish", "dog"]), line("dog.mp4", tags: ["dog"]), line("cat.mp4", tags: ["cat"]),
        line("v.mp4", tags: ["dog"], split: "validation"), line("w.mp4", tags: ["fish"], split: "validation"),
      ]
    let collection = try Collection(manifest: rows, labels: "cat\ndog\nfish\n")
    let report = try collection.build(minimumVideos: 3)
    let corpus = try Corpus(directory: collection.directory)
    #expect(corpus.labels == ["fish"])
    #expect(corpus.counts(split: .train) == [6] && corpus.counts(split: .validation) == [1])
    #expect(report.labelsDropped == 2 && report.labels == 1 && report.unmatched == 3)
    #expect(try collection.build(minimumVideos: 2).labels == 2)
    #expect(try collection.build(minimumVideos: 0).labels == 3)
    #expect(corpusError { _ = try collection.build(minimumVideos: 50) }?.code == .empty)
  }
}
