import Video

/// The rest of the files that are to decode exactly: every codec in its containers with several distances of keyframes, then
/// one thing at a time.
extension ExactnessTests {
  private static let codecs: [(codec: String, containers: [String])] = [
    ("libx264", ["mp4", "mkv", "mov", "ts", "avi"]), ("libx265", ["mp4", "mkv", "mov", "ts"]),
    ("libvpx-vp9", ["webm", "mkv", "mp4"]), ("mpeg4", ["mp4", "mkv", "mov", "ts", "avi"]),
    ("mpeg2video", ["mp4", "mkv", "mov", "ts", "avi"]), ("mjpeg", ["mp4", "mkv", "mov", "avi"]),
    ("libtheora", ["ogv", "mkv"]),
  ]

  private static func access(_ codec: String, _ container: String, bFrames: Int) -> FrameAccess {
    switch (codec, container) {
    // Their packets have no pts where the codec may reorder.
    case ("libx264", "avi"), ("mpeg2video", "avi"): .linear
    case (_, "avi"): bFrames > 0 ? .linear : .table
    case ("libx265", "ts"): .probe
    default: .table
    }
  }

  static let matrix: [Case] = gops + references + rates + formats + times + turned

  /// Keyframes 1, 12, 30 and 250 frames apart.
  private static var gops: [Case] {
    codecs.flatMap { codec, containers in
      containers.flatMap { container in
        (codec == "mjpeg" ? [1] : [1, 12, 30, 250]).map { gop in
          let bFrames = codec.hasPrefix("libx26") && gop > 1 ? 3 : 0
          return Case(
            name: "\(codec) gop \(gop), \(container)", container: container, codec: codec,
            frames: gop == 250 ? 260 : 70, access: access(codec, container, bFrames: bFrames)
          ) { options in
            options.gop = gop
            if codec == "mjpeg" { options.pixelFormat = "yuvj420p" }
            if bFrames > 0 { options.bFrames = bFrames }
            if codec == "libx264" { options.extraParameters = "scenecut=0" }
          }
        }
      }
    }
  }

  /// 0 to 4 B-frames in a row, all of them used; HEVC's pyramid.
  private static var references: [Case] {
    [("libx264", 0...4), ("libx265", 0...4), ("mpeg4", 0...2), ("mpeg2video", 0...2)].flatMap { codec, numbers in
      numbers.flatMap { number in
        ["mp4", "mkv", "ts", "avi"].filter { codec != "libx265" || $0 != "avi" }.map { container in
          Case(
            name: "\(codec) \(number) B-frames, \(container)", container: container, codec: codec, frames: 50,
            access: access(codec, container, bFrames: number)
          ) { options in
            options.bFrames = number
            if codec == "libx264" { options.extraParameters = "b-adapt=0" }
            if codec == "libx265" { options.extraParameters = number > 2 ? "b-adapt=0:b-pyramid=1" : "b-adapt=0" }
          }
        }
      }
    }
  }

  private static var rates: [Case] {
    [("23.976", (24000, 1001)), ("25", (25, 1)), ("29.97", (30000, 1001)), ("60", (60, 1))].flatMap { name, rate in
      ["mp4", "mkv", "mov", "ts", "avi"].map { container in
        Case(
          name: "h264 \(name) fps, \(container)", container: container, rate: rate,
          access: access("libx264", container, bFrames: 2)
        ) { $0.bFrames = 2 }
      }
    }
      + ["mp4", "mkv", "mov", "ts"].map { container in
        Case(
          name: "h264 VFR with B-frames, \(container)", container: container, rate: (1000, 1),
          ticks: [33, 34, 120, 7, 40]
        ) { $0.bFrames = 2 }
      }
  }

  /// Bits and chroma, at odd sizes where they allow it.
  private static var formats: [Case] {
    let all = [
      ("libx264", "yuv420p10le"), ("libx264", "yuv422p"), ("libx264", "yuv422p10le"), ("libx264", "yuv444p"),
      ("libx264", "yuv444p10le"), ("libx265", "yuv420p10le"), ("libx265", "yuv422p"), ("libx265", "yuv444p10le"),
      ("libvpx-vp9", "yuv420p10le"), ("libvpx-vp9", "yuv422p"), ("libvpx-vp9", "yuv444p"), ("mpeg2video", "yuv422p"),
      ("mjpeg", "yuvj422p"), ("mjpeg", "yuvj444p"), ("libtheora", "yuv422p"), ("libtheora", "yuv444p"),
      ("mpeg2video", "yuv420p"), ("mpeg4", "yuv420p"), ("libvpx-vp9", "yuv420p"), ("libtheora", "yuv420p"),
    ]
    return all.map { codec, format in
      let isEven = codec.hasPrefix("libx26") && !format.contains("444")
      return Case(
        name: "\(codec) \(format) \(isEven ? "even" : "odd") size", container: "mkv", codec: codec,
        width: isEven ? 62 : 61, height: isEven ? 46 : 45, frames: 40
      ) { $0.pixelFormat = format }
    }
  }

  /// Time stamps that begin before 0, late, or wrap around; edit lists.
  private static var times: [Case] {
    var cases: [Case] = []
    for (container, bFrames) in [("mp4", 0), ("mp4", 2), ("mov", 0), ("mov", 3)] {
      // Without an edit list the time stamps of B-frames are shifted by what probing finds.
      let shifted: FrameAccess = bFrames > 0 ? .probe : .table
      cases += [
        Case(name: "edit list that hides 10 frames, \(bFrames) B, \(container)", container: container, hidden: 10) {
          ($0.bFrames, $0.firstTick) = (bFrames, -10)
          $0.muxerOptions = [("avoid_negative_ts", "disabled")]
        },
        Case(name: "edit list with a delay, \(bFrames) B-frames, \(container)", container: container) {
          ($0.bFrames, $0.firstTick) = (bFrames, 20)
          $0.muxerOptions = [("avoid_negative_ts", "disabled")]
        },
        Case(name: "no edit list, \(bFrames) B-frames, \(container)", container: container, access: shifted) {
          $0.bFrames = bFrames
          $0.muxerOptions = [("use_editlist", "0")]
        },
        Case(name: "fragments, \(bFrames) B-frames, \(container)", container: container, access: shifted) {
          $0.bFrames = bFrames
          $0.muxerOptions = [("movflags", "frag_keyframe+empty_moov")]
        },
        Case(name: "negative composition offsets, \(bFrames) B-frames, \(container)", container: container) {
          $0.bFrames = bFrames
          $0.muxerOptions = [("movflags", "negative_cts_offsets")]
        },
      ]
    }
    // 33 bits of 90 kHz end 30 frames into the file; libav counts what comes before from below 0.
    for codec in ["libx264", "mpeg2video"] {
      cases.append(
        Case(name: "\(codec) pts wrap around, ts", container: "ts", codec: codec) {
          ($0.bFrames, $0.firstTick) = (2, (1 << 33) / 3600 - 35 - 30)
        })
    }
    for container in ["mkv", "ts", "mov"] {
      cases.append(
        Case(name: "h264 starts late, \(container)", container: container) { ($0.bFrames, $0.firstTick) = (2, 100) })
    }
    return cases
  }

  private static var turned: [Case] {
    [90, 180, 270].flatMap { degrees in
      ["mp4", "mov"].flatMap { container in
        ["libx264", "libx265", "mjpeg"].map { codec in
          Case(name: "\(codec) turned \(degrees)°, \(container)", container: container, codec: codec, frames: 40) {
            $0.rotationDegrees = degrees
            if codec == "mjpeg" { $0.pixelFormat = "yuvj420p" }
          }
        }
      }
    }
  }
}
