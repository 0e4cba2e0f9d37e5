internal import Foundation
internal import GRDB
package import Video

extension Corpus {
  /// What the index says of a video's file.
  ///
  /// - Throws: `index` for a packet table that is damaged. One of another version of Sluice or of other libav libraries is
  ///   passed over: the file is then probed.
  package func indexed(_ video: VideoRecord) throws(CorpusError) -> IndexedVideo {
    var table: PacketTable?
    do {
      let blob = try queue.unsafeRead { database in
        try Data.fetchOne(
          database.cachedStatement(sql: "SELECT packets FROM files WHERE file = ?"), arguments: [video.file])
      }
      if let blob { table = try PacketTable.read(Array(blob)) }
    } catch {
      throw CorpusError(
        .index, "\(directory)/\(Self.fileName): the packets of \(video.file) cannot be read; build again",
        underlying: error)
    }
    return IndexedVideo(byteCount: video.byteCount, frameCount: video.frameCount, table: table)
  }
}
