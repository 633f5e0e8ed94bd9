// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#if ServiceLifecycle
  public import ServiceLifecycle

  /// A service that does nothing until it is shut down, and then waits until everything that was
  /// retired has been reclaimed.
  ///
  /// Services are shut down one after another, the last of a group first. So put this one first: it
  /// waits when nothing reads or retires any more.
  ///
  /// ```swift
  /// let group = ServiceGroup(
  ///   services: [RCUService(), server], gracefulShutdownSignals: [.sigterm], logger: logger)
  /// try await group.run()
  /// ```
  ///
  /// Requires the package trait `ServiceLifecycle`.
  public struct RCUService<Flavor: RCUFlavor>: Service {
    private let limit: Duration
    private let didEnd: @Sendable (RCUShutdown) -> Void

    /// Creates the service for a flavor's domain.
    ///
    /// - Parameters:
    ///   - domain: the domain; the default one is `RCU`.
    ///   - limit: how long to wait at most. If it doesn't suffice, nothing is lost.
    ///   - didEnd: called with the outcome.
    public init(
      _ domain: RCUDomain<Flavor>.Type = RCU.self, waitingFor limit: Duration = .seconds(5),
      didEnd: @escaping @Sendable (RCUShutdown) -> Void = { _ in }
    ) {
      self.limit = limit
      self.didEnd = didEnd
    }

    /// Waits for the shutdown, or for the task's cancellation, and then as
    /// ``RCUDomain/shutdown(within:)``, but without blocking the calling thread.
    public func run() async {
      try? await gracefulShutdown()
      let limit = limit
      let end = await withCheckedContinuation { continuation in
        let error = SystemThread.start("rcu-shutdown") {
          continuation.resume(returning: RCUDomain<Flavor>.shutdown(within: limit))
        }
        // Without a thread, what waits can still be counted.
        if error != 0 { continuation.resume(returning: Flavor._reclaimer.shutDown(within: .zero)) }
      }
      didEnd(end)
    }
  }
#endif
