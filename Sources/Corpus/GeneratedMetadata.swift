internal import Files
internal import Foundation

/// Metadata of videos that are not there, to measure how fast it is matched.
package enum GeneratedMetadata {
  /// Labels whose hashtags the rows have: two words each.
  package static func labels(_ count: Int) -> [Label] {
    (0..<count).map { Label("verb\($0 % 30) noun\($0)") }
  }

  /// Writes rows of JSON lines, about 180 bytes each: an address, up to five hashtags, a duration and a title. Four in ten have the
  /// hashtag of a label, of label L about 1/(L + 1) as many as of the first; one in twenty of them has two; one in a thousand is
  /// a row that was there before, one in ten thousand no JSON.
  ///
  /// - Parameters:
  ///   - otherScripts: the share of the tags without labels that are not ASCII, half of them by escapes, in [0, 1].
  ///   - progress: rows written.
  /// - Throws: `manifest` naming the file.
  package static func write(
    to path: String, rows: Int, labels: Int, otherScripts: Double = 0, progress: (Int) -> Void = { _ in }
  ) throws(CorpusError) {
    do {
      let output = try LineWriter(path: path)
      let names = (0..<labels).map { Array("verb\($0 % 30)noun\($0)".utf8) }
      var cumulative: [Double] = []
      for label in 0..<labels { cumulative.append((cumulative.last ?? 0) + 1 / Double(label + 1)) }
      var line: [UInt8] = []
      for row in 0..<rows {
        write(row, names, cumulative, otherScripts, to: &line)
        if line.count >= 1 << 20 || row == rows - 1 {
          line.withUnsafeBufferPointer { output.append($0) }
          line.removeAll(keepingCapacity: true)
        }
        if row % 1_000_000 == 999_999 { progress(row + 1) }
      }
      try output.finish()
    } catch {
      throw CorpusError(.manifest, "\(error)")
    }
  }

  private static func write(
    _ row: Int, _ names: [[UInt8]], _ cumulative: [Double], _ otherScripts: Double, to line: inout [UInt8]
  ) {
    var identity = row
    var random = CounterRandom(seed: 1, UInt64(identity))
    // The row before, whatever that one was.
    while random.integer(below: 1000) == 0, identity > 0 {
      identity -= 1
      random = CounterRandom(seed: 1, UInt64(identity))
    }
    if random.integer(below: 10_000) == 1 { line.append(contentsOf: "{\"file\":\n".utf8) }
    let digits = String(identity)
    line.append(contentsOf: "{\"id\":".utf8)
    line.append(contentsOf: digits.utf8)
    line.append(contentsOf: ",\"file\":\"https://videos.example/".utf8)
    line.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: max(0, 9 - digits.utf8.count)))
    line.append(contentsOf: digits.utf8)
    line.append(contentsOf: ".mp4\",\"hashtags\":[\"love\"".utf8)
    for _ in 0..<random.integer(below: 4) {
      let isOther = otherScripts > 0 && random.uniform() < otherScripts
      line.append(contentsOf: (isOther ? random.integer(below: 2) == 0 ? ",\"#Täg" : ",\"#T\\u00e4g" : ",\"#Tag").utf8)
      line.append(contentsOf: String(random.integer(below: 100_000)).utf8)
      line.append(UInt8(ascii: "\""))
    }
    if random.integer(below: 10) < 4 {
      for _ in 0..<(random.integer(below: 20) == 0 ? 2 : 1) {
        let place = random.uniform() * (cumulative.last ?? 0)
        line.append(contentsOf: ",\"#".utf8)
        line.append(contentsOf: names[first(cumulative, above: place)])
        line.append(UInt8(ascii: "\""))
      }
    }
    line.append(contentsOf: "],\"duration\":".utf8)
    line.append(contentsOf: String(1 + random.integer(below: 60)).utf8)
    line.append(contentsOf: ",\"title\":\"a title as people give their videos, ".utf8)
    line.append(contentsOf: String(random.integer(below: 1_000_000)).utf8)
    line.append(contentsOf: "\"}\n".utf8)
  }

  private static func first(_ cumulative: [Double], above value: Double) -> Int {
    var (low, high) = (0, cumulative.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] <= value { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
