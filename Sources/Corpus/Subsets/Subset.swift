internal import Crypto
internal import Files
internal import Foundation

/// A subset of an index: a small file with its recipe and how many videos of each label it has, not a copy.
///
/// Which videos those are follows from the recipe: of each label the first of a seeded permutation of those eligible.
package struct Subset: Sendable, Codable, Equatable {
  static let version = 1

  private let sluiceSubset: Int
  /// Fingerprint of the index that it is of.
  package let corpus: String
  package let recipe: SubsetRecipe
  package let videos: Int
  package let hours: Double
  /// Videos whose lengths nobody knows, if there are any: those that a recipe of lengths leaves out; without one those that it
  /// has, which `hours` does not count.
  package let unknownLengths: Int?
  /// Videos by label name, of labels that have any.
  package let counts: [String: Int]

  init(corpus: String, recipe: SubsetRecipe, hours: Double, unknownLengths: Int, counts: [String: Int]) {
    sluiceSubset = Self.version
    self.corpus = corpus
    self.recipe = recipe
    self.hours = hours
    self.unknownLengths = unknownLengths > 0 ? unknownLengths : nil
    self.counts = counts
    videos = counts.values.reduce(0, +)
  }

  private enum CodingKeys: String, CodingKey {
    case corpus, recipe, videos, hours, counts
    case sluiceSubset = "sluice_subset"
    case unknownLengths = "unknown_lengths"
  }

  /// - Throws: `subset` naming the file.
  package static func read(path: String) throws(CorpusError) -> Subset {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CorpusError(.subset, "\(path): cannot be read; make it with `sluice corpus subset`")
    }
    let subset: Subset
    do {
      subset = try JSONDecoder().decode(Subset.self, from: data)
    } catch {
      throw CorpusError(.subset, "\(path): not a subset file; make it with `sluice corpus subset`")
    }
    guard subset.sluiceSubset == version else {
      throw CorpusError(.subset, "\(path): of another version of Sluice; make it again")
    }
    if let mistake = subset.recipe.mistake { throw CorpusError(.subset, "\(path): \(mistake)") }
    var left = subset.videos
    for count in subset.counts.values {
      guard count > 0, count <= left else { throw contradiction(path) }
      left -= count
    }
    guard left == 0 else { throw contradiction(path) }
    guard subset.videos > 0 else { throw CorpusError(.subset, "\(path): has not one video; make it again") }
    return subset
  }

  private static func contradiction(_ path: String) -> CorpusError {
    CorpusError(.subset, "\(path): its counts contradict themselves; make it again")
  }

  package func write(to path: String) throws(CorpusError) {
    do {
      try OutputFile.write(json + [UInt8(ascii: "\n")], to: path)
    } catch {
      throw CorpusError(.subset, error.description)
    }
  }

  /// SHA-256 of what the file says, the index' fingerprint with it.
  var fingerprint: String { SHA256.hash(data: json).map { String(format: "%02x", $0) }.joined() }

  private var json: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Only numbers that are not finite could not be written, and a recipe has none.
    return Array((try? encoder.encode(self)) ?? Data())
  }
}
