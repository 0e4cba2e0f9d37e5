/// One video of the index: all a decode worker must know of it.
package struct VideoRecord: Sendable, Equatable {
  /// Place in the index.
  package let id: Int
  /// As written in the manifest.
  package let file: String
  /// Where the file is.
  package let path: String
  /// Index in the corpus's labels: what training and top-1 use.
  package internal(set) var label: Int
  /// All its labels, indices rising.
  package let labels: [Int]
  /// Frames of the whole file, by demuxing; of an index that is not probed, see `Corpus.isProbed`.
  package let frameCount: Int
  package let framesPerSecond: Double
  package let byteCount: Int
  /// When the file was last changed before the corpus was built, in seconds since 1970; nil if that is not known.
  package let modifiedSeconds: Int?
  /// First frame of the segment.
  package internal(set) var startFrame: Int
  /// End of the segment, exclusive; `frameCount` where the manifest gives none.
  package internal(set) var endFrame: Int

  /// Length of the segment; 0 where it is not known.
  package var seconds: Double { framesPerSecond > 0 ? Double(endFrame - startFrame) / framesPerSecond : 0 }

  package init(
    id: Int, file: String, path: String, label: Int, labels: [Int], frameCount: Int, framesPerSecond: Double,
    byteCount: Int, modifiedSeconds: Int? = nil, startFrame: Int, endFrame: Int
  ) {
    self.id = id
    self.file = file
    self.path = path
    self.label = label
    self.labels = labels
    self.frameCount = frameCount
    self.framesPerSecond = framesPerSecond
    self.byteCount = byteCount
    self.modifiedSeconds = modifiedSeconds
    self.startFrame = startFrame
    self.endFrame = endFrame
  }
}
