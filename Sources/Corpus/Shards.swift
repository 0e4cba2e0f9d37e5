internal import Foundation
internal import Video

/// The tar shards of a corpus in the WebDataset convention: `KEY.mp4` (or another video) and `KEY.json`, whose keys are those of
/// a manifest's row but for `file`. Members stay in their shards: the index keeps byte ranges.
package struct Shards {
  private static let extensions: Set<String> = [
    "mp4", "m4v", "mkv", "webm", "avi", "mov", "ts", "mpg", "mpeg", "ogv", "flv",
  ]

  /// Whether a name is that of a video.
  static func isVideo(_ name: String) -> Bool { extensions.contains((name as NSString).pathExtension.lowercased()) }

  private let directory: String
  private var opened: [String: TarShard] = [:]

  init(directory: String) { self.directory = directory }

  /// Names of the shards that lie in the directory itself, in order.
  static func names(in directory: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.filter { $0.hasSuffix(".tar") }.sorted()
  }

  /// A video of a shard, and the bytes of its JSON if there is one.
  struct Sample {
    let file: String
    let json: [UInt8]?
  }

  /// The videos of a shard in the order of their keys, and what is wrong with the shard.
  mutating func samples(_ name: String) throws(CorpusError) -> (samples: [Sample], damage: String?) {
    let shard = try open(name)
    var jsons: [String: TarShard.Member] = [:]
    for member in shard.members where member.name.hasSuffix(".json") { jsons[Self.key(member.name)] = member }
    var samples: [Sample] = []
    let videos = shard.members.filter { Self.isVideo($0.name) }
    for video in videos.sorted(by: { $0.name < $1.name }) {
      let json: [UInt8]? = if let member = jsons[Self.key(video.name)] { try shard.read(member) } else { nil }
      samples.append(Sample(file: Self.text(name, video), json: json))
    }
    return (samples, shard.damage)
  }

  /// `SHARD.tar#MEMBER` with the member's byte range. Anything else stays as it is, also what is not there: probing will say
  /// so.
  mutating func located(_ file: String) -> String {
    guard case .file = VideoLocation(file), let mark = file.range(of: ".tar#") else { return file }
    let shard = String(file[..<file.index(before: mark.upperBound)])
    let name = file[mark.upperBound...]
    guard let member = try? open(shard).members.last(where: { $0.name == name }) else { return file }
    return Self.text(shard, member)
  }

  /// A video that a person names: `SHARD.tar#MEMBER` needs no byte range, which is looked up in the shard.
  ///
  /// - Throws: naming the shard if it cannot be read or has no such member.
  package static func located(_ video: String) throws(CorpusError) -> String {
    guard case .file = VideoLocation(video), let mark = video.range(of: ".tar#"),
      !FileManager.default.fileExists(atPath: video)
    else { return video }
    let path = String(video[..<video.index(before: mark.upperBound)])
    let name = video[mark.upperBound...]
    let shard = try TarShard(path: path)
    guard let member = shard.members.last(where: { $0.name == name }) else {
      throw CorpusError(.manifest, shard.damage ?? "\(path): the shard has no member \(name)")
    }
    return text(path, member)
  }

  private mutating func open(_ name: String) throws(CorpusError) -> TarShard {
    if let shard = opened[name] { return shard }
    let shard = try TarShard(path: Corpus.resolve(name, directory: directory))
    opened[name] = shard
    return shard
  }

  private static func text(_ shard: String, _ member: TarShard.Member) -> String {
    VideoLocation.member(shard: shard, name: member.name, bytes: member.bytes).text
  }

  /// The name up to the first dot after the last slash.
  private static func key(_ name: String) -> String {
    let start = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
    let dot = name[start...].firstIndex(of: ".") ?? name.endIndex
    return String(name[..<dot])
  }
}
