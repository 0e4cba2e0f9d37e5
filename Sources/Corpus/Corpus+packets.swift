internal import Foundation
package import Video

extension Corpus {
  /// What the index says of a video's file.
  ///
  /// - Throws: `index` for a packet table that is damaged. One of another version of Sluice or of other libav libraries is
  ///   passed over: the file is then probed.
  package func indexed(_ video: VideoRecord) throws(CorpusError) -> IndexedVideo {
    try indexed(video, packets: try records([video.id..<video.id + 1], withPackets: true)[0].packets)
  }

  func indexed(_ video: VideoRecord, packets: [UInt8]?) throws(CorpusError) -> IndexedVideo {
    do {
      let table = try packets.flatMap { blob in try PacketTable.read(blob) }
      return IndexedVideo(byteCount: video.byteCount, frameCount: video.frameCount, table: table)
    } catch {
      throw CorpusError(
        .index, "\(directory)/\(Self.fileName): the packets of \(video.file) cannot be read; build again",
        underlying: error)
    }
  }
}
