/// Reads what a file holds without decoding it.
package enum VideoProbe {
  /// Demuxes the whole file once; any thread.
  package static func probe(path: String) throws(VideoError) -> VideoInfo {
    let demuxer = try Demuxer(path: path)
    let index = try PacketIndex(scanning: demuxer, budget: .standard)
    return try VideoInfo(demuxer: demuxer, index: index)
  }
}
