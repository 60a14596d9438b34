//! The part of the ABI that this plugin uses, by hand: gantry/abi/{base,plugin,controller,log}.h.
#![allow(non_camel_case_types)]

use std::os::raw::{c_char, c_void};

pub const ABI_MAJOR: u32 = 1;
pub const ABI_MINOR: u32 = 0;
pub const CONTROLLER_ID: &[u8] = b"gantry.controller/1\0";
pub const LOG_ID: &[u8] = b"gantry.log/1\0";
pub const LOG_INFO: i32 = 1;

/// Borrowed bytes, for the length of a call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Slice {
    pub data: *const u8,
    pub size: usize,
}

impl Slice {
    pub fn of(text: &str) -> Slice {
        Slice { data: text.as_ptr(), size: text.len() }
    }
    /// # Safety
    /// Only during the call that the slice came with.
    pub unsafe fn text<'a>(self) -> std::borrow::Cow<'a, str> {
        if self.size == 0 {
            return "".into();
        }
        String::from_utf8_lossy(std::slice::from_raw_parts(self.data, self.size))
    }
}

/// Owned bytes; without a release function they may be constants.
#[repr(C)]
pub struct Buffer {
    pub data: *const u8,
    pub size: usize,
    pub release: Option<extern "C" fn(*mut c_void)>,
    pub owner: *mut c_void,
}

pub type Code = i32;
pub type EmitKey = extern "C" fn(*mut c_void, Slice, Slice);

#[repr(C)]
pub struct Host {
    pub size: usize,
    pub abi_major: u32,
    pub abi_minor: u32,
    pub context: *mut c_void,
    pub get_interface: extern "C" fn(*const Host, *const c_char) -> *const c_void,
}

#[repr(C)]
pub struct Log {
    pub size: usize,
    pub write: extern "C" fn(*const Host, i32, Slice),
    pub enabled: extern "C" fn(*const Host, i32) -> i32,
}

#[repr(C)]
pub struct Controller {
    pub size: usize,
    pub describe: extern "C" fn(*mut c_void, *mut Buffer, *mut Buffer) -> Code,
    pub map: Option<extern "C" fn(*mut c_void, Slice, EmitKey, *mut c_void)>,
    pub reconcile: extern "C" fn(*mut c_void, Slice, Slice, *mut Buffer, *mut Buffer) -> Code,
}

#[repr(C)]
pub struct Descriptor {
    pub size: usize,
    pub name: *const c_char,
    pub version: *const c_char,
    pub vendor: *const c_char,
    pub description: *const c_char,
    pub interfaces: *const *const c_char,
}

#[repr(C)]
pub struct PluginApi {
    pub size: usize,
    pub abi_major: u32,
    pub abi_minor: u32,
    pub descriptor: *const Descriptor,
    pub create: extern "C" fn(*const Host, *mut *mut c_void, *mut Buffer) -> Code,
    pub destroy: extern "C" fn(*mut c_void),
    pub get_interface: extern "C" fn(*mut c_void, *const c_char) -> *const c_void,
}

// Constants that any thread may read.
unsafe impl Sync for Descriptor {}
unsafe impl Sync for PluginApi {}
