import CLibAV

// Owners of libav's objects: each frees its object when it goes.

/// An `AVPacket`.
struct PacketHandle: ~Copyable {
  let pointer: UnsafeMutablePointer<AVPacket>

  init() {
    // Fails only when the process is out of memory for 100 bytes.
    pointer = av_packet_alloc()!
  }

  deinit {
    var packet: UnsafeMutablePointer<AVPacket>? = pointer
    av_packet_free(&packet)
  }
}

/// An `AVFrame`.
struct FrameHandle: ~Copyable {
  let pointer: UnsafeMutablePointer<AVFrame>

  init() {
    pointer = av_frame_alloc()!
  }

  deinit {
    var frame: UnsafeMutablePointer<AVFrame>? = pointer
    av_frame_free(&frame)
  }
}

/// An `AVCodecContext`, of a decoder or an encoder.
struct CodecHandle: ~Copyable {
  let pointer: UnsafeMutablePointer<AVCodecContext>

  init(_ codec: UnsafePointer<AVCodec>) {
    pointer = avcodec_alloc_context3(codec)!
  }

  deinit {
    var context: UnsafeMutablePointer<AVCodecContext>? = pointer
    avcodec_free_context(&context)
  }
}

/// An `SwsContext`.
struct ScalerHandle: ~Copyable {
  let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) {
    self.pointer = pointer
  }

  deinit {
    sws_freeContext(pointer)
  }
}

/// Name-value options for libav; what the callee did not take stays inside.
struct OptionsHandle: ~Copyable {
  var pointer: OpaquePointer?

  init(_ options: [(name: String, value: String)]) {
    for (name, value) in options { av_dict_set(&pointer, name, value, 0) }
  }

  /// Name of the first option nobody took.
  var firstLeft: String? {
    guard let entry = av_dict_get(pointer, "", nil, AV_DICT_IGNORE_SUFFIX) else { return nil }
    return String(cString: entry.pointee.key)
  }

  deinit {
    var options = pointer
    av_dict_free(&options)
  }
}
