/// How a `VideoWriter` encodes and muxes.
package struct VideoWriterOptions: Sendable {
  /// The conversion from RGB and the tags written to the stream.
  package enum ColorMatrix: Sendable {
    /// BT.601 arithmetic, no tag: what readers assume of an untagged file.
    case untagged
    case bt601
    case bt709
  }

  /// Name of one of libav's encoders, such as `libx264`, `mpeg4`, `libvpx-vp9`.
  package var codec = "libx264"
  /// Encoder preset, for the codecs that have one.
  package var preset = "veryfast"
  /// Constant quality of libx264, libx265 and libvpx; other encoders take it as a quantiser (1…31 is their range).
  package var crf = 23
  /// Largest distance between keyframes, in frames.
  package var gop = 250
  /// Most B-frames in a row; nil leaves the encoder's default.
  package var bFrames: Int?
  /// One of libav's pixel format names.
  package var pixelFormat = "yuv420p"
  package var colorMatrix = ColorMatrix.untagged
  /// Writes luma 0…255 instead of 16…235, and says so in the stream.
  package var isFullRange = false
  /// More settings for libx264 or libx265, as `name=value:name=value`.
  package var extraParameters = ""
  /// More libav options of the encoder.
  package var codecOptions: [(name: String, value: String)] = []
  /// Options of the container's muxer.
  package var muxerOptions: [(name: String, value: String)] = []
  /// When the first frame is shown, in ticks of the file's clock.
  package var firstTick = 0
  /// Clockwise turn, in degrees, that players are told to apply.
  package var rotationDegrees = 0
  /// Adds an audio track of silence (16-bit PCM at 8 kHz); the container must take PCM: mkv, avi, mov.
  package var hasSilentAudio = false
  /// One thread, arithmetic independent of the CPU, bit-exact muxing: the same frames give the same bytes.
  package var deterministic = true

  package init() {}
}
