//! A thread that does one step at a time, when it is told to: two of them in lock-step make every interleaving a fact.

use crate::stage::{During, Trouble};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{Builder, Scope};

type Step<'env> = Box<dyn FnOnce() + Send + 'env>;

/// One thread under direction. It ends when this is dropped.
pub(super) struct Player<'env> {
    orders: Sender<Step<'env>>,
}

impl<'env> Player<'env> {
    /// Starts a thread that waits for its first order.
    pub(super) fn start<'scope>(scope: &'scope Scope<'scope, 'env>) -> Result<Self, Trouble>
    where
        'env: 'scope,
    {
        let (orders, received) = mpsc::channel::<Step<'env>>();
        let thread = move || received.into_iter().for_each(|step| step());
        let thread = Builder::new().spawn_scoped(scope, thread);
        thread.during("starting a thread")?;
        Ok(Self { orders })
    }

    // stamp: does
    /// Has the thread do this now, and waits until it is done. Nobody else moves meanwhile.
    pub(super) fn does<T: Send + 'env>(
        &self,
        step: impl FnOnce() -> T + Send + 'env,
    ) -> Result<T, Trouble> {
        let told = self.begins(step)?;
        told.recv().during("the answer of a thread")
    }

    /// Has the thread begin this, and does not wait: the answer comes when it is done.
    pub(super) fn begins<T: Send + 'env>(
        &self,
        step: impl FnOnce() -> T + Send + 'env,
    ) -> Result<Receiver<T>, Trouble> {
        let (tell, told) = mpsc::channel();
        let step = move || {
            // Fails only if the director has gone; then nobody wants to know.
            let _ = tell.send(step());
        };
        let ordered = self.orders.send(Box::new(step));
        ordered.during("an order to a thread")?;
        Ok(told)
    }
    // /stamp: does
}

#[cfg(test)]
mod tests;
