import Video

extension DecodeTarget {
  private struct Seed {
    let name: String
    let codec: String
    var format = "yuv420p"
    var bFrames: Int?
    var parameters = ""
  }

  private static let seeds = [
    Seed(name: "h264.mp4", codec: "libx264", bFrames: 2),
    Seed(name: "h264-opengop.mkv", codec: "libx264", bFrames: 3, parameters: "open-gop=1:b-adapt=0"),
    Seed(name: "h264.ts", codec: "libx264", bFrames: 2),
    Seed(name: "h264.avi", codec: "libx264", bFrames: 1),
    Seed(name: "h264-10bit.flv", codec: "libx264", format: "yuv420p10le"),
    Seed(name: "hevc.mkv", codec: "libx265", bFrames: 2),
    Seed(name: "vp9.webm", codec: "libvpx-vp9"),
    Seed(name: "vp8.webm", codec: "libvpx"),
    Seed(name: "mpeg4.avi", codec: "mpeg4"),
    Seed(name: "mpeg2.ts", codec: "mpeg2video", bFrames: 2),
    Seed(name: "mpeg2.mpg", codec: "mpeg2video", bFrames: 2),
    Seed(name: "mjpeg.mov", codec: "mjpeg", format: "yuvj420p"),
    Seed(name: "theora.ogv", codec: "libtheora"),
  ]

  /// Small videos of 20 frames in several codecs and containers.
  static func writeSeeds(to directory: String) throws {
    for seed in seeds {
      var options = VideoWriterOptions()
      (options.codec, options.pixelFormat, options.bFrames) = (seed.codec, seed.format, seed.bFrames)
      (options.gop, options.extraParameters) = (8, seed.parameters)
      let (width, height) = (64, 48)
      let writer = try VideoWriter(
        path: "\(directory)/\(seed.name)", width: width, height: height, framesPerSecond: (25, 1), options: options)
      var state: UInt32 = 1
      for frame in 0..<20 {
        var rgb = [UInt8](repeating: 0, count: width * height * 3)
        for place in rgb.indices {
          state = state &* 1_664_525 &+ 1_013_904_223
          rgb[place] = UInt8(truncatingIfNeeded: place / 3 % width * 3 + place / 3 / width * frame + Int(state >> 28))
        }
        try rgb.withUnsafeBytes { try writer.append(rgb: $0) }
      }
      try writer.finish()
    }
  }
}
