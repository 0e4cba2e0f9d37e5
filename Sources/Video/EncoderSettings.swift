import CLibAV

/// The options of libav that realise `VideoWriterOptions` for one encoder.
enum EncoderSettings {
  static func options(for options: VideoWriterOptions) -> [(name: String, value: String)] {
    var settings: [(name: String, value: String)] = [("g", "\(options.gop)")]
    if options.deterministic { settings.append(("threads", "1")) }
    if let bFrames = options.bFrames { settings.append(("bf", "\(bFrames)")) }
    switch options.codec {
    case "libx264":
      settings.append(("preset", options.preset))
      settings.append(("crf", "\(options.crf)"))
      var parameters = options.deterministic ? "threads=1:lookahead-threads=1:cpu-independent=1" : ""
      append(options.extraParameters, to: &parameters)
      if !parameters.isEmpty { settings.append(("x264-params", parameters)) }
    case "libx265":
      settings.append(("preset", options.preset))
      settings.append(("crf", "\(options.crf)"))
      // libx265 3.5's vector code for cutree writes past its arrays where pictures are 34 to 48 pixels wide.
      var parameters = "log-level=none:no-cutree=1"
      if options.deterministic { append("pools=none:frame-threads=1", to: &parameters) }
      append(options.extraParameters, to: &parameters)
      settings.append(("x265-params", parameters))
    case "libvpx-vp9", "libvpx":
      settings.append(("crf", "\(options.crf)"))
      settings.append(("b", options.codec == "libvpx" ? "2000000" : "0"))
      settings.append(("deadline", "realtime"))
      settings.append(("cpu-used", "8"))
    case "mpeg4", "mpeg2video", "mjpeg", "libtheora", "h263p", "flv", "msmpeg4":
      settings.append(("flags", "+qscale"))
      settings.append(("global_quality", "\(min(max(options.crf, 1), 31) * Int(FF_QP2LAMBDA))"))
    default:
      break
    }
    settings.append(contentsOf: options.codecOptions)
    return settings
  }

  private static func append(_ more: String, to parameters: inout String) {
    guard !more.isEmpty else { return }
    parameters += parameters.isEmpty ? more : ":" + more
  }
}
