// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#if ServiceLifecycle
  public import ServiceLifecycle

  // Their `run` also ends at a graceful shutdown; see `MirrorLoop.run`.

  /// Requires the package trait `ServiceLifecycle`.
  extension ProcessMirror: Service {}

  /// Requires the package trait `ServiceLifecycle`.
  extension MapsService: Service {}

  #if Metrics
    /// Requires the package traits `Metrics` and `ServiceLifecycle`.
    extension MapsMetrics: Service {
      /// Reports every ten seconds, until the task is cancelled or the service is shut down.
      public func run() async {
        await cancelWhenGracefulShutdown { await self.run(every: .seconds(10)) }
      }
    }
  #endif
#endif
