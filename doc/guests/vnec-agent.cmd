@echo off
rem SPDX-License-Identifier: GPL-3.0-or-later
rem Windows: makes a scheduled task that starts the agent with the system, as SYSTEM, and again
rem when it ended. Run it once as administrator:
rem   vnec-agent.cmd C:\vnec\vnec-taskrunner.exe vnec.0
rem   vnec-agent.cmd C:\vnec\vnec-taskrunner.exe \\server\share\folder
rem vnec.0 is the port of a QEMU machine, with the driver of virtio-win. The folder is the VM's
rem shared folder as Windows sees it (VMware: \\vmware-host\Shared Folders\NAME, VirtualBox:
rem \\vboxsvr\NAME).
if "%~2"=="" (
  echo usage: %~nx0 PATH\vnec-taskrunner.exe PORT^|SHARED-FOLDER
  exit /b 2
)
set "place=%~2"
set "way=--port"
if not "%place:\=%"=="%place%" set "way=--spool"
schtasks /create /f /tn "VNEC agent" /sc onstart /ru SYSTEM /rl highest ^
  /tr "cmd.exe /d /c for /l %%i in () do (\"%~1\" %way% \"%place%\" & ping -n 2 127.0.0.1 >nul)"
if errorlevel 1 exit /b 1
schtasks /run /tn "VNEC agent"
