package import Video

/// What the index keeps of a video file.
package struct ProbedVideo: Sendable, Equatable {
  package var frameCount: Int
  package var width: Int
  package var height: Int
  package var framesPerSecond: Double
  package var codec: String
  package var byteCount: Int
  /// When the file was last changed, in seconds since 1970; nil where that is not known, as on a server.
  package var modifiedSeconds: Int?
  package var access: FrameAccess
  /// The packet table in bytes, if frames are found by it.
  package var packets: [UInt8]?

  package init(
    frameCount: Int, width: Int, height: Int, framesPerSecond: Double, codec: String, byteCount: Int,
    modifiedSeconds: Int? = nil, access: FrameAccess = .probe, packets: [UInt8]? = nil
  ) {
    self.frameCount = frameCount
    self.width = width
    self.height = height
    self.framesPerSecond = framesPerSecond
    self.codec = codec
    self.byteCount = byteCount
    self.modifiedSeconds = modifiedSeconds
    self.access = access
    self.packets = packets
  }
}

/// Why a file could not be probed.
package struct ProbeFailure: Error, Sendable {
  package let reason: String
  /// Whether the same file may well be probed at another time (out of descriptors, input or output errors).
  package let isTransient: Bool

  package init(reason: String, isTransient: Bool) {
    self.reason = reason
    self.isTransient = isTransient
  }
}

/// Probes one file; called from several threads at once.
package typealias VideoProber = @Sendable (_ path: String) throws(ProbeFailure) -> ProbedVideo
