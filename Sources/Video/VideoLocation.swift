import Glibc

/// Where the bytes of a video are: a file, a range of a tar shard, or a URL.
///
/// Its text is what manifests, indices and leases name it by: a path, `SHARD.tar#MEMBER@OFFSET+BYTES`, or `http(s)://…`.
package enum VideoLocation: Sendable, Equatable {
  case file(String)
  /// Part of a tar file.
  case member(shard: String, name: String, bytes: Range<Int>)
  case url(String)

  /// Whether a text names something that a server is to be asked for.
  package static func isURL(_ text: String) -> Bool {
    text.utf8.starts(with: "http://".utf8) || text.utf8.starts(with: "https://".utf8)
  }

  package init(_ text: String) {
    if Self.isURL(text) {
      self = .url(text)
    } else if text.utf8.contains(UInt8(ascii: "#")),
      let match = text.wholeMatch(of: /(.+\.tar)#(.+)@([0-9]{1,18})\+([0-9]{1,18})/),
      let start = Int(match.3), let count = Int(match.4)
    {
      self = .member(shard: String(match.1), name: String(match.2), bytes: start..<start + count)
    } else {
      self = .file(text)
    }
  }

  package var text: String {
    switch self {
    case .file(let path): path
    case .member(let shard, let name, let bytes): "\(shard)#\(name)@\(bytes.lowerBound)+\(bytes.count)"
    case .url(let url): url
    }
  }

  /// The file to open, and where in it the video begins; nil for a URL.
  var place: (path: String, offset: Int)? {
    switch self {
    case .file(let path): (path, 0)
    case .member(let shard, _, let bytes): (shard, bytes.lowerBound)
    case .url: nil
    }
  }

  /// The file, or the shard; nil for a URL.
  package var filePath: String? { place?.path }

  /// When the file, or the shard, was last changed, in seconds since 1970; nil for a URL and for what is not there.
  package var modifiedSeconds: Int? {
    guard let path = place?.path else { return nil }
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_mtim.tv_sec) : nil
  }

  /// Its name for libav, and the protocols that may serve it. The prefixes keep names that look like a URL what they are.
  var input: (name: String, protocols: String) {
    switch self {
    case .file(let path): ("file:" + path, "file")
    case .member(let shard, _, let bytes):
      ("subfile,,start,\(bytes.lowerBound),end,\(bytes.upperBound),,:file:\(shard)", "file,subfile")
    case .url(let url): (url, "http,https,httpproxy,tcp,tls")
    }
  }
}
